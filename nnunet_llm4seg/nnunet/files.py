"""nnU-Net's own JSON files, checked as far as we rely on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError

_EVERY_DATASET = ("labels", "channel_names", "file_ending")


def read_json(path: Path) -> Any:
    """The content of a file.

    Raises:
        DatasetError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); train or preprocess again.") from error


def read_plans(folder: Path) -> dict[str, Any]:
    """plans.json of a results folder.

    Raises:
        DatasetError: it cannot be read, or holds no configurations.
    """
    path = folder / "plans.json"
    plans = read_json(path)
    configurations = plans.get("configurations") if isinstance(plans, dict) else None
    if not isinstance(configurations, dict) or not all(isinstance(entry, dict) for entry in configurations.values()):
        raise DatasetError(f"{path}: these are no plans of nnU-Net's; restore the file, or train again.")
    return plans


def read_dataset(folder: Path) -> dict[str, Any]:
    """dataset.json of a folder.

    Raises:
        DatasetError: it cannot be read, or lacks what every data set has.
    """
    path = folder / "dataset.json"
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
