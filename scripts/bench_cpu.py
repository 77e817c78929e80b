"""What the LLM layer costs on a CPU: python scripts/bench_cpu.py [--other-python PYTHON] [--json FILE]

(a) reading one layer from a 2.47 GB folder of LLaMA-3.2-1B's shape, here and with another interpreter (for example one
    with an older transformers): memory, bytes read and hashed;
(b) an iteration and a prediction with and without the bottleneck; (c) the bottleneck alone against the official
code's way; (d) checkpoints. Random weights are made in a temporary folder (2.5 GB); nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bench_common import LAYER, make_folder, report, versions

if TYPE_CHECKING:
    from typing_extensions import Buffer

WAYS = ("whole model", "our layer, sha256 checked")
_TIMES = ("s", "cpu_s")  # on a shared machine, the second is the one to trust


def memory(name: str) -> int:
    """VmRSS or VmHWM (its peak) of this process, in bytes."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith(name))
    return 1024 * int(line.split()[1])


class CountedSha256:
    """Counts the bytes that are hashed through it."""

    count = 0

    def __init__(self, data: bytes = b"") -> None:
        self._digest = hashlib.sha256()
        self.update(data)

    def update(self, data: Buffer) -> None:
        CountedSha256.count += memoryview(data).nbytes
        self._digest.update(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def bytes_read() -> int:
    """What this process has asked of files so far."""
    line = next(row for row in Path("/proc/self/io").read_text().splitlines() if row.startswith("rchar"))
    return int(line.split()[1])


def load_once(way: str, folder: str) -> None:
    """Run in its own process: print seconds, peak memory beyond the imports, bytes read and hashed, as JSON."""
    import torch
    import transformers
    from transformers.models.llama import modeling_llama  # noqa: F401 (what both methods import is not measured)

    from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
    from nnunet_llm4seg.llm import hashing

    hashing.hashlib = SimpleNamespace(sha256=CountedSha256)  # type: ignore[assignment]
    config = LLM4SegConfig(model=folder, layer=LAYER, dtype="bfloat16")
    _touch_libraries()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before, read, start, cpu = memory("VmRSS"), bytes_read(), time.perf_counter(), time.process_time()
    if way == WAYS[0]:
        layer = transformers.AutoModelForCausalLM.from_pretrained(folder).model.layers[LAYER]
        tensors = [p.detach() for p in layer.parameters()]
    else:
        tensors = [p.detach() for p in LLMBottleneck(8, config).layer.parameters()]
    for tensor in tensors:  # a file that is only mapped is read here
        tensor.view(torch.uint8)[..., ::4096].sum()
    measured = {"s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    measured |= {"peak": memory("VmHWM") - before, "read": bytes_read() - read, "hashed": CountedSha256.count}
    print(json.dumps({**measured, "transformers": transformers.__version__}))


def _touch_libraries() -> None:
    """Run a tiny LLaMA once: pages of torch's libraries that are used for the first time count as memory, too."""
    import torch
    from transformers.models.llama import LlamaConfig, LlamaModel

    tiny = LlamaConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = LlamaModel(tiny)
    torch.nn.Module.to(model, torch.bfloat16)
    model(torch.zeros(1, 4, dtype=torch.long))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "HF_HUB_OFFLINE": "1"}


def compare_loading(folder: Path, layer_bytes: int, pythons: list[str], repeats: int) -> list[dict[str, object]]:
    """Part (a): medians over alternating processes."""
    rows = []
    for python in pythons:
        found: dict[str, list[dict]] = {way: [] for way in WAYS}
        for turn in range(repeats + 1):
            for way in WAYS:
                command = [python, __file__, "--load", way, str(folder)]
                done = subprocess.run(command, env=_environment(), check=True, capture_output=True, text=True)
                if turn:  # the first one warms up the page cache
                    found[way].append(json.loads(done.stdout.splitlines()[-1]))
        seconds, cpu = ({way: statistics.median(run[key] for run in found[way]) for way in WAYS} for key in _TIMES)
        for way in WAYS:
            peak, read, hashed = (
                statistics.median(run[key] for run in found[way]) for key in ("peak", "read", "hashed")
            )
            rows.append(
                {
                    "transformers": found[way][0]["transformers"],
                    "way": way,
                    "time / s": seconds[way],
                    "CPU time / s": cpu[way],
                    "peak beyond imports / MB": peak / 1e6,
                    "peak of the layer's bytes": peak / layer_bytes,
                    "read of the layer's bytes": read / layer_bytes,
                    "hashed of the layer's bytes": hashed / layer_bytes,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other-python", action="append", default=[], help="another interpreter to run (a) with")
    parser.add_argument("--json", type=Path, default=Path("bench_cpu.json"), help="file for the numbers")
    parser.add_argument("--parts", default="abcd", help="which of the parts to run")
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)  # how (a) calls this script
    options = parser.parse_args()
    if options.load:
        load_once(*options.load)
        return
    import torch

    device = torch.device("cpu")
    result: dict[str, object] = {"versions": versions(), "threads": torch.get_num_threads()}
    tables = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        layer_bytes = make_folder(folder)
        if "a" in options.parts:
            pythons = [sys.executable, *options.other_python]
            tables["(a) one layer out of 16"] = compare_loading(folder, layer_bytes, pythons, repeats=3)
        if set("bcd") & set(options.parts):
            import bench_networks
            import bench_parts

            torch.manual_seed(0)
            if "b" in options.parts:
                cases = {"2D": (7, (2, 1, 256, 256)), "3D": (5, (1, 1, 64, 64, 64))}
                rows = bench_networks.compare_networks(folder, cases, device, repeats=6)
                tables["(b) the network with and without the bottleneck"] = rows
            if "c" in options.parts:
                rows = bench_parts.compare_blocks(folder, [4, 8, 16, 32, 64], device, repeats=6)
                tables["(c) the bottleneck alone, batch 2"] = rows
            if "d" in options.parts:
                tables["(d) checkpoints of the 2D network"] = bench_parts.compare_checkpoints(folder)
    for title, rows in tables.items():
        report(title, rows)
    options.json.write_text(json.dumps({**result, "tables": tables}, indent=2) + "\n")
    print(f"\n{result}; the numbers are in {options.json}.")


if __name__ == "__main__":
    main()
