"""What nnU-Net left in a fold's folder: is it done, and if not, from where does it go on?"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from pathlib import Path

FINAL, LATEST, BEST = "checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth"


def checkpoint_is_whole(path: Path) -> bool:
    """Whether a checkpoint was written to its end, without loading it.

    torch writes zip archives, whose directory comes last: a torn one has none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            return bool(names) and bool(archive.read(names[0]))
    except (OSError, zipfile.BadZipFile, ValueError, EOFError):
        return False


def validated_cases(fold: Path, ending: str) -> set[str]:
    """Names of the cases in `validation/summary.json`; none where it is missing or half-written.

    Args:
        ending: The data set's `file_ending`, `.nii.gz`.
    """
    try:
        content = json.loads((fold / "validation" / "summary.json").read_text(encoding="utf-8"))
        files = [Path(case["prediction_file"]).name for case in content["metric_per_case"]]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name.removesuffix(ending) for name in files}


def is_done(fold: Path, cases: Collection[str], ending: str) -> bool:
    """Whether a fold is trained to its end and all its validation cases are predicted and measured."""
    return bool(cases) and validated_cases(fold, ending) == set(cases) and checkpoint_is_whole(fold / FINAL)


def resume_options(fold: Path) -> list[str]:
    """What `nnUNetv2_train` takes so that it goes on where the fold's folder stands: nothing, `--c` or `--val`."""
    if checkpoint_is_whole(fold / FINAL):
        return ["--val"]
    return ["--c"] if any(checkpoint_is_whole(fold / name) for name in (LATEST, BEST)) else []


def set_torn_aside(fold: Path) -> list[Path]:
    """Rename checkpoints that were not written to their end, at which nnU-Net's `--c` stops.

    Returns:
        The new names.
    """
    moved = []
    for name in (FINAL, LATEST, BEST):
        path = fold / name
        if path.is_file() and not checkpoint_is_whole(path):
            moved.append(path.replace(path.with_name(f"{name}.torn")))
    return moved
