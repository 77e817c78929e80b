"""What the LLM layer costs on a GPU: python scripts/bench_gpu.py [--json FILE]

(b) an iteration and a prediction with and without the bottleneck at nnU-Net's default patches, compiled and under
AMP as nnU-Net runs them, each network alone on the GPU, so that "more memory" has the layer's weights, adapters and
momentum in it; (c) the bottleneck alone compared with the official code's method in float32 and bf16; (d) checkpoints.
Random weights of one layer of LLaMA-3.2-1B's shape are made in a temporary folder; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import bench_networks
import bench_parts
import torch
from bench_common import LAYER, make_folder, report, versions

CASES = {"2D": (8, (12, 1, 512, 512)), "3D": (6, (2, 1, 128, 128, 128))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=Path("bench_gpu.json"), help="file for the numbers")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            "bench_gpu: this benchmark needs CUDA, and torch finds no GPU; see scripts/bench_cpu.py.", file=sys.stderr
        )
        return 2
    device = torch.device("cuda")
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        make_folder(folder, layers=LAYER + 1, vocabulary=8)
        tables = {
            "(b) the network with and without the bottleneck": bench_networks.compare_networks(
                folder, CASES, device, repeats=30, compiled=True
            ),
            "(c) the bottleneck alone, batch 2, eager": bench_parts.compare_blocks(
                folder, [4, 8, 16, 32, 64], device, repeats=30
            ),
            "(c) the bottleneck alone, batch 2, compiled": bench_parts.compare_blocks(
                folder, [4, 8, 16, 32, 64], device, repeats=30, compiled=True
            ),
            "(d) checkpoints of the 2D network": bench_parts.compare_checkpoints(folder),
        }
    about = {"gpu": torch.cuda.get_device_name(device), "cuda": torch.version.cuda, **versions()}
    for title, rows in tables.items():
        report(title, rows)
    options.json.write_text(json.dumps({**about, "tables": tables}, indent=2) + "\n")
    print(f"\n{about}; the numbers are in {options.json}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
