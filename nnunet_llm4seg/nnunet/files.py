"""nnU-Net's own JSON files. What we rely on is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.names import DATASET

_EVERY_DATASET = ("labels", "channel_names", "file_ending")


def read_json(path: Path, advice: str = "train or preprocess again") -> Any:
    """The content of a file.

    Args:
        advice: What to do where that fails, the end of a sentence.

    Raises:
        DatasetError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); {advice}.") from error


def json_or_none(path: Path) -> Any:
    """The content of a file, or None if it cannot be read or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def read_dataset(folder: Path) -> dict[str, Any]:
    """dataset.json of a folder.

    Raises:
        DatasetError: it cannot be read, or lacks a key that every data set has.
    """
    path = folder / DATASET
    dataset = read_json(path)
    missing = [name for name in _EVERY_DATASET if not isinstance(dataset, dict) or name not in dataset]
    if missing:
        raise DatasetError(f"{path}: {missing[0]} is missing; restore the file, or preprocess again.")
    return dataset


def read_splits(path: Path) -> list[dict[str, list[str]]]:
    """splits_final.json.

    Raises:
        DatasetError: it cannot be read, or is not a list of folds with training and validation cases.
    """
    splits = read_json(path)
    try:
        whole = bool(splits) and all(_names(split["train"]) and _names(split["val"]) for split in splits)
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise DatasetError(f"{path}: not a list of folds with train and val cases; restore it, or preprocess again.")
    return splits


def _names(cases: Any) -> bool:
    return isinstance(cases, list) and bool(cases) and all(isinstance(case, str) for case in cases)
