"""nnU-Net's own folders: where raw data go, and what older data left under the same number."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from nnunet_llm4seg.datasets.cases import some
from nnunet_llm4seg.errors import ConfigError, DatasetError

_RAW, _PREPROCESSED, _RESULTS = "nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"
SPLITS_FILE = "splits_final.json"


def raw_folder(dataset_id: int, name: str) -> Path:
    """`$nnUNet_raw/DatasetXXX_NAME`, which need not be there.

    Raises:
        ConfigError: the number is not between 1 and 999.
        DatasetError: nnUNet_raw is not set, or the number belongs to a data set with another name.
    """
    if not 1 <= dataset_id <= 999:
        raise ConfigError(f"-d {dataset_id} is not allowed; choose a number from 1 to 999.")
    raw = os.environ.get(_RAW)
    if not raw:
        raise DatasetError("nnUNet_raw is not set; set it to the folder for nnU-Net's raw data sets.")
    folder = f"Dataset{dataset_id:03d}_{name}"
    for variable in (_RAW, _PREPROCESSED, _RESULTS):
        for path in Path(os.environ.get(variable) or raw).glob(f"Dataset{dataset_id:03d}*"):
            if path.is_dir() and path.name != folder:
                raise DatasetError(f"{dataset_id} is already the number of {path}; choose another with -d.")
    return Path(raw) / folder


def preprocessed_folder(folder: str) -> Path | None:
    """`$nnUNet_preprocessed/DatasetXXX_NAME`, None if it is not there."""
    root = os.environ.get(_PREPROCESSED)
    path = Path(root, folder) if root else None
    return path if path and path.is_dir() else None


def refuse_stale_plans(folder: str) -> None:
    """Raise DatasetError if plans or data of an earlier data set lie in the preprocessed folder."""
    path = preprocessed_folder(folder)
    stale = [entry.name for entry in path.iterdir() if entry.name != SPLITS_FILE] if path else []
    if stale:
        raise _stale(path, f"{some(stale, limit=6)} of an earlier conversion")


def refuse_other_splits(folder: str, splits: list | None) -> None:
    """Raise DatasetError if the preprocessed folder has other splits than these: nnU-Net would keep those."""
    path = preprocessed_folder(folder)
    if path and (path / SPLITS_FILE).is_file():
        try:
            same = json.loads((path / SPLITS_FILE).read_text(encoding="utf-8")) == splits
        except ValueError:  # no JSON
            same = False
        if not same:
            raise _stale(path, f"another {SPLITS_FILE}, which nnU-Net would use instead of the new one")


def remove_preprocessed(folder: str) -> None:
    """Remove the data set's preprocessed folder, if it is there."""
    if path := preprocessed_folder(folder):
        shutil.rmtree(path)


def _stale(path: Path, what: str) -> DatasetError:
    return DatasetError(f"{path} holds {what}; add --overwrite-preprocessed to remove this folder.")
