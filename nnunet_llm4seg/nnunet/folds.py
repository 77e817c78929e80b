"""What nnU-Net left in a fold's folder: whether it is done, and if not, from where it continues."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection
from pathlib import Path

from nnunet_llm4seg.nnunet.names import BEST_CHECKPOINT, FINAL_CHECKPOINT, LATEST_CHECKPOINT, SUMMARY, VALIDATION


def checkpoint_is_whole(path: Path) -> bool:
    """Whether a checkpoint was written completely, without loading it.

    torch writes zip archives, whose directory comes last, so an incomplete one has none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith("data.pkl")]
            return bool(names) and bool(archive.read(names[0]))
    except (OSError, zipfile.BadZipFile, ValueError, EOFError):
        return False


def validated_cases(fold: Path, ending: str) -> set[str]:
    """Names of the cases in `validation/summary.json`; empty if it is missing or incomplete.

    Args:
        ending: The data set's `file_ending`, `.nii.gz`.
    """
    try:
        content = json.loads((fold / VALIDATION / SUMMARY).read_text(encoding="utf-8"))
        files = [Path(case["prediction_file"]).name for case in content["metric_per_case"]]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name.removesuffix(ending) for name in files}


def is_done(fold: Path, cases: Collection[str], ending: str) -> bool:
    """Whether a fold is completely trained and all its validation cases are predicted and measured."""
    return bool(cases) and validated_cases(fold, ending) == set(cases) and checkpoint_is_whole(fold / FINAL_CHECKPOINT)


def resume_options(fold: Path) -> list[str]:
    """The option with which `nnUNetv2_train` continues from the state of the fold's folder: none, `--c` or `--val`."""
    if checkpoint_is_whole(fold / FINAL_CHECKPOINT):
        return ["--val"]
    return ["--c"] if any(checkpoint_is_whole(fold / name) for name in (LATEST_CHECKPOINT, BEST_CHECKPOINT)) else []


def set_torn_aside(fold: Path) -> list[Path]:
    """Rename incomplete checkpoints, at which nnU-Net's `--c` stops.

    Returns:
        The new names.
    """
    moved = []
    for name in (FINAL_CHECKPOINT, LATEST_CHECKPOINT, BEST_CHECKPOINT):
        path = fold / name
        if path.is_file() and not checkpoint_is_whole(path):
            moved.append(path.replace(path.with_name(f"{name}.torn")))
    return moved
