"""Measure `llm4seg compare`: its metrics against MONAI's called case by case, a second report, and memory.

    python scripts/bench_evaluation.py [--cases 1000] [--volumes 3] [--json FILE]

Goals: 3D organs with at least 5 times less CPU time than MONAI; a second report of 1,000 cases in less than 5 s; a
peak below 600 MB with two processes. Each part runs in a process of its own; the second report is the command itself,
`llm4seg compare`. Needs a checkout, whose tests write the results.

Memory is the sum over all processes of what is resident. Of it, `own` is what no other process can share; the rest
are mapped files, above all torch's libraries while the networks are timed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

SHAPE, SPACING, TOLERANCE = (128, 512, 512), (2.5, 0.8, 0.8), 2.0
# Centre and radius of each organ, as shares of the image.
ORGANS = {1: (0.5, 0.18), 2: (0.35, 0.08), 3: (0.7, 0.05), 4: (0.2, 0.03)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1_000, help="PNG cases of the report")
    parser.add_argument("--volumes", type=int, default=3, help="volumes of 128x512x512 with four organs")
    parser.add_argument("--json", type=Path, help="also write the numbers")
    parser.add_argument("--part", choices=["organs", "first"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "organs":
        print(json.dumps(measure_organs(arguments.volumes)))
        return 0
    if arguments.part:
        print(json.dumps(measure_report(arguments.folder, arguments.cases)))
        return 0
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **_folders(Path(folder))}
        for part in ("organs", "first"):
            command = [sys.executable, __file__, "--part", part, "--cases", str(arguments.cases)]
            command += ["--volumes", str(arguments.volumes), "--folder", folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            found |= json.loads(done.stdout.splitlines()[-1])
        found |= measure_second(Path(folder), environment)
    for name, value in found.items():
        print(f"{name:46} {value:,.6g}")
    for goal, met in goals(found).items():
        print(f"{'met' if met else 'MISSED'}: {goal}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=4) + "\n", encoding="utf-8")
    return 0


def goals(found: dict[str, Any]) -> dict[str, bool]:
    """Each goal, and whether it is met."""
    return {
        "3D organs with at least 5 times less CPU time than MONAI": found["organs: ratio"] >= 5,
        "a second report, in a new process, in less than 5 s": found["second report, with starting Python / s"] < 5,
        "all processes together below 600 MB while two of them measure": found[
            "first report: peak while measuring / MB"
        ]
        < 600,
    }


def measure_organs(volumes: int) -> dict[str, float]:
    """CPU time of our metrics and of MONAI's for the same organs, and the largest differences of HD95 and NSD."""
    import numpy as np

    from nnunet_llm4seg.evaluation.labels import Labels
    from nnunet_llm4seg.evaluation.measuring import CaseFiles, measure_case
    from nnunet_llm4seg.evaluation.metrics import NAMES

    labels = Labels({str(value): (value,) for value in ORGANS})
    ours, monai, distance = 0.0, 0.0, {"hd95": 0.0, "nsd": 0.0}
    for seed in range(volumes):
        maps = {name: organs(seed, shift) for name, shift in (("reference", 0.0), ("prediction", 0.004))}
        files = CaseFiles(Path("reference"), (Path("prediction"),))
        start = time.process_time()
        values = np.array(measure_case(files, InMemory(maps), labels, TOLERANCE).predictions[0].values)
        ours += time.process_time() - start
        _monai_metrics(maps["prediction"][:1, :4, :4] == 1, maps["reference"][:1, :4, :4] == 1)  # imports
        start = time.process_time()
        theirs = [_monai_metrics(maps["prediction"] == value, maps["reference"] == value) for value in ORGANS]
        monai += time.process_time() - start
        for name in distance:
            rows = zip(values, theirs, strict=True)
            distance[name] = max(distance[name], *(abs(row[NAMES.index(name)] - of[name]) for row, of in rows))
    return {
        "organs: MONAI's CPU time per volume / s": monai / volumes,
        "organs: our CPU time per volume / s": ours / volumes,
        "organs: ratio": monai / ours,
        "organs: largest difference of HD95 / mm": distance["hd95"],
        "organs: largest difference of NSD": distance["nsd"],
    }


def organs(seed: int, shift: float) -> Any:
    """A label map of ellipsoids with rough surfaces."""
    import numpy as np
    from scipy.ndimage import zoom

    rng = np.random.default_rng(seed)
    rough = zoom(rng.normal(size=(8, 16, 16)), np.divide(SHAPE, (8, 16, 16)), order=1).astype(np.float32)
    z, y, x = (np.linspace(0, 1, size, dtype=np.float32) for size in SHAPE)
    found = np.zeros(SHAPE, np.uint8)
    for value, (centre, radius) in ORGANS.items():
        far = (
            (z[:, None, None] - 0.5) ** 2
            + (y[None, :, None] - centre - shift) ** 2
            + (x[None, None, :] - centre + shift) ** 2
        )
        found[far < (radius * (1 + 0.1 * rough)) ** 2] = value
    return found


class InMemory:
    """Label maps as nnU-Net's readers give them."""

    def __init__(self, maps: dict[str, Any]) -> None:
        self.maps = maps

    def read_seg(self, path: str) -> tuple[Any, dict[str, Any]]:
        return self.maps[path][None].astype("float32"), {"spacing": SPACING}


def _monai_metrics(prediction: Any, reference: Any) -> dict[str, float]:
    import warnings

    import numpy as np
    import torch
    from monai import metrics

    torch.set_num_threads(1)
    p, r = (torch.from_numpy(np.ascontiguousarray(mask))[None, None].float() for mask in (prediction, reference))
    if not (prediction.any() and reference.any()):
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        confusion = metrics.get_confusion_matrix(p, r)
        for name in ("f1 score", "threat score", "precision", "sensitivity"):
            metrics.compute_confusion_matrix_metric(name, confusion)
        hd95 = metrics.compute_hausdorff_distance(p, r, include_background=True, percentile=95, spacing=list(SPACING))
        nsd = metrics.compute_surface_dice(
            p, r, class_thresholds=[TOLERANCE], include_background=True, spacing=list(SPACING), use_subvoxels=True
        )
    return {"hd95": float(hd95), "nsd": float(nsd)}


def measure_report(folder: Path, cases: int) -> dict[str, float]:
    """A report of two arms on PNG files: time, CPU time, and memory of all processes together."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "evaluation"))
    from fake_results import LLM4SEG, VANILLA, FakeResults  # type: ignore[import-not-found]

    FakeResults(folder, {VANILLA: 6.0, LLM4SEG: 4.0}, cases=cases, folds=5, size=256)
    with Peak() as peak:
        start, spent = time.perf_counter(), _cpu()
        from nnunet_llm4seg.evaluation import compare, pool
        from nnunet_llm4seg.evaluation.arms import kept_costs

        kept_costs.measure_costs = _costs  # made-up results have no network
        pool._cores = lambda: 2  # a machine with more would use more
        compare("901", "2d", output=folder / "report", progress=peak.told)
    return {
        "first report / s": time.perf_counter() - start,
        "first report, CPU time / s": _cpu() - spent,
        "first report: measuring / s": peak.measured_at - start,
        "first report: peak while measuring / MB": peak.measuring.resident / 2**20,
        "first report: of it own / MB": peak.measuring.own / 2**20,
        "first report: peak / MB": peak.whole.resident / 2**20,
        "first report: of the peak own / MB": peak.whole.own / 2**20,
    }


def measure_second(folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """The same report again, by the command."""
    code = "from nnunet_llm4seg.cli import main; main()"
    command = [sys.executable, "-c", code, "compare", "901", "2d", "-o", str(folder / "report")]
    start, spent = time.perf_counter(), _cpu()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
    return {
        "second report, with starting Python / s": time.perf_counter() - start,
        "second report, with starting Python, CPU time / s": _cpu() - spent,
    }


def _folders(folder: Path) -> dict[str, str]:
    return {f"nnUNet_{name}": str(folder / name) for name in ("raw", "preprocessed", "results")}


def _costs(arms: Any, configuration: str, fold: int) -> Any:
    from nnunet_llm4seg.evaluation.arms import cost

    cost.build_network = _network
    return cost.measure_costs(arms, configuration, fold)


def _network(arm: Any, configuration: str, fold: int) -> Any:
    import torch

    return torch.nn.Conv2d(1, 2, 3).eval(), torch.zeros(1, 1, 256, 256)


class Memory(NamedTuple):
    """Bytes that are resident, and those of them that belong to no file."""

    resident: int
    own: int


class Peak:
    """The largest sum of the resident memory of this process and its children, seen every 20 ms."""

    def __init__(self) -> None:
        self.measuring = self.whole = Memory(0, 0)
        self.measured_at = 0.0
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._watch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._watch.join()

    def told(self, done: int, total: int) -> None:
        """Progress: measuring has ended when all are done."""
        if done == total:
            self.measured_at = time.perf_counter()

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            each = [_memory(process) for process in _family()]
            used = Memory(sum(one.resident for one in each), sum(one.own for one in each))
            self.whole = max(self.whole, used)
            if not self.measured_at:
                self.measuring = max(self.measuring, used)


def _family() -> list[int]:
    found = [os.getpid()]
    for task in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:  # a thread that has just ended
            continue
    return found


def _memory(process: int) -> Memory:
    try:
        _, resident, of_files, *_ = map(int, Path(f"/proc/{process}/statm").read_text().split())
    except (OSError, ValueError):  # it has just ended
        return Memory(0, 0)
    page = resource.getpagesize()
    return Memory(resident * page, (resident - of_files) * page)


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    sys.exit(main())
