"""How much a study adds to its trainings: its wall time over the sum of their own times, with one slot.

    python scripts/bench_study.py [--folder FOLDER]

It makes a small geometric data set and a study of four smoke trainings (two arms, two folds) on the CPU, prepares it,
and times `llm4seg study run`. Such trainings are short, so the ratio is an upper bound: for longer ones what is added
per training, a few seconds, stays the same. Run it on a quiet machine; it takes some six minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_common import SMALL_DATA, report

from nnunet_llm4seg.nnunet.environment import FOLDERS
from nnunet_llm4seg.study import attempts, process
from nnunet_llm4seg.study.folder import open_study, settle
from nnunet_llm4seg.study.trainings import Training, list_trainings

STUDY = """\
study: bench
datasets: [301]
configuration: 2d
plans: {features: [4, 16]}
folds: [0, 1]
epochs: smoke
arms:
  vanilla: vanilla
  identity: {model: HuggingFaceTB/SmolLM2-135M, weights: identity}
engine: {kind: local, slots: 1}
"""
_CLI = [sys.executable, "-c", "from nnunet_llm4seg.cli import main; main()"]


def own_seconds(training: Training) -> int:
    """Seconds that nnU-Net itself ran for a training, in all its attempts, by their logs.

    Raises:
        RuntimeError: an attempt did not end, or the last one is not done.
    """
    made = attempts.read_attempts(training)
    if not made or made[-1].outcome != attempts.DONE or any(attempt.seconds is None for attempt in made):
        raise RuntimeError(f"{training.key} is not done; see {training.folder}")
    return sum(attempt.seconds or 0 for attempt in made)


def overhead(wall_s: float, own: dict[str, int]) -> dict[str, object]:
    """A row of the table: what the study added, as a ratio and per training.

    Args:
        wall_s: Seconds of the study's `run`.
        own: Seconds of each training, by key.
    """
    total = sum(own.values())
    return {
        "trainings": len(own),
        "their own s": total,
        "study's s": wall_s,
        "ratio": wall_s / total,
        "added per training, s": (wall_s - total) / len(own),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keep everything here; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update({name: str(folder / name) for name in FOLDERS})
        if not (folder / "nnUNet_raw").is_dir():
            subprocess.run([*_CLI, *SMALL_DATA.split()[1:]], check=True)
        file = folder / "bench.yaml"
        file.write_text(STUDY, encoding="utf-8")
        study = open_study(file)
        settle(study)
        subprocess.run([sys.executable, "-m", process.__name__, str(study.folder), "--prepare"], check=True)
        began = time.perf_counter()
        subprocess.run([*_CLI, "study", "run", str(file)], check=True)
        wall_s = time.perf_counter() - began
        own = {training.key: own_seconds(training) for training in list_trainings(study)}
    report("A study of smoke trainings, one slot", [overhead(wall_s, own)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
