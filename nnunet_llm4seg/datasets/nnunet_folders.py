"""nnU-Net's own folders: where raw data go, and what older data with the same number have left there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet import names
from nnunet_llm4seg.nnunet.environment import FOLDERS, require_folder


def raw_folder(dataset_id: int, name: str) -> Path:
    """`$nnUNet_raw/DatasetXXX_NAME`, which need not exist.

    Raises:
        ConfigError: the number is not between 1 and 999.
        DatasetError: nnUNet_raw is not set, or the number belongs to a data set with another name.
    """
    if not 1 <= dataset_id <= 999:
        raise ConfigError(f"-d {dataset_id} is not allowed; choose a number from 1 to 999.")
    raw = require_folder("nnUNet_raw")
    folder = f"Dataset{dataset_id:03d}_{name}"
    for variable in FOLDERS:
        for path in Path(os.environ.get(variable) or raw).glob(f"Dataset{dataset_id:03d}*"):
            if path.is_dir() and path.name != folder:
                raise DatasetError(f"{dataset_id} is already the number of {path}; choose another with -d.")
    return raw / folder


def preprocessed_folder(folder: str) -> Path | None:
    """`$nnUNet_preprocessed/DatasetXXX_NAME`, None if it does not exist."""
    root = os.environ.get("nnUNet_preprocessed")
    path = Path(root, folder) if root else None
    return path if path and path.is_dir() else None


def refuse_stale_plans(folder: str) -> None:
    """Raise DatasetError if the preprocessed folder contains plans or data of an earlier data set."""
    path = preprocessed_folder(folder)
    if path and (stale := [entry.name for entry in path.iterdir() if entry.name != names.SPLITS]):
        raise _stale(path, f"{some(stale, limit=6)} of an earlier conversion")


def refuse_other_splits(folder: str, splits: list | None) -> None:
    """Raise DatasetError if the preprocessed folder has different splits, which nnU-Net would keep."""
    path = preprocessed_folder(folder)
    if path and (path / names.SPLITS).is_file():
        try:
            same = json.loads((path / names.SPLITS).read_text(encoding="utf-8")) == splits
        except ValueError:  # not JSON
            same = False
        if not same:
            raise _stale(path, f"another {names.SPLITS}, which nnU-Net would use instead of the new one")


def remove_preprocessed(folder: str) -> None:
    """Remove the data set's preprocessed folder, if it exists."""
    if path := preprocessed_folder(folder):
        shutil.rmtree(path)


def _stale(path: Path, what: str) -> DatasetError:
    return DatasetError(f"{path} holds {what}; add --overwrite-preprocessed to remove this folder.")
