"""Time of a conversion compared with a bare Pillow loop over the same files, in one run.

The loop opens, resizes and saves the same images and masks with the same number of threads. The goal: at most 1.3
times its time for the cases, and at most 2 times with the search for near-duplicates.

    python scripts/bench_convert.py --pairs 1000 --size 256
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from nnunet_llm4seg.datasets import case_runs, conversion
from nnunet_llm4seg.datasets.case_runs import write_cases
from nnunet_llm4seg.datasets.found import find
from nnunet_llm4seg.datasets.options import ConversionOptions


def make_pairs(folder: Path, pairs: int, side: tuple[int, int]) -> None:
    """JPEG images and masks of `side` (width, height) that look like photographs: structure with fine grain."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    grain = rng.normal(0, 4, (side[1], side[0], 1)).astype(np.float32)
    for n in range(pairs):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(side)
        image = np.asarray(coarse, dtype=np.float32) + np.roll(grain, n, axis=1)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"images/{n:04d}.jpg")
        mask = Image.fromarray((rng.random((6, 8)) * 255).astype(np.uint8)).resize(side)
        mask.point(lambda value: 255 * (value > 150)).save(folder / f"masks/{n:04d}.jpg")


def bare_loop(source: Path, target: Path, size: int, threads: int) -> None:
    """Open, resize and save all files as PNG."""
    target.mkdir()

    def one(path: Path) -> None:
        masks = path.parent.name == "masks"
        with Image.open(path) as image:
            how = Image.Resampling.NEAREST if masks else Image.Resampling.BICUBIC
            image.resize((size, size), how).save(target / f"{path.parent.name}_{path.stem}.png")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, [*sorted((source / "images").iterdir()), *sorted((source / "masks").iterdir())]))


def main() -> None:
    """Make the pairs, measure both, print the two ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--side", type=int, nargs=2, default=(640, 480), help="width and height of the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_pairs(root / "data", arguments.pairs, tuple(arguments.side))
        os.environ["nnUNet_raw"] = str(root / "raw")
        options = ConversionOptions(size=arguments.size)
        seconds = {}
        for name in ("loop", "cases", "whole"):
            start = time.perf_counter()
            if name == "loop":
                bare_loop(root / "data", root / "bare", arguments.size, case_runs.WORKERS)
            elif name == "cases":
                (root / "cases").mkdir()
                write_cases(find("folder", root / "data", options), root / "cases", case_runs.silent, similar=False)
            else:
                conversion.convert("folder", root / "data", 1, options)
            seconds[name] = time.perf_counter() - start
        print(f"{arguments.pairs} JPEG pairs of {arguments.side[0]}x{arguments.side[1]} at {arguments.size}:")
        print(f"  bare Pillow loop, {case_runs.WORKERS} threads: {seconds['loop']:.1f} s")
        print(
            f"  cases written: {seconds['cases']:.1f} s, ratio {seconds['cases'] / seconds['loop']:.2f} (wanted 1.3)"
        )
        print(
            f"  with near-duplicates, tables and contact sheet: {seconds['whole']:.1f} s, "
            f"ratio {seconds['whole'] / seconds['loop']:.2f} (wanted 2)"
        )


if __name__ == "__main__":
    main()
