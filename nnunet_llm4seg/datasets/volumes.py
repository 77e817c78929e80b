"""Checking NIfTI volumes; their files are copied as they are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.cases import some
from nnunet_llm4seg.errors import DatasetError


def check_volume(image: Path, label: Path | None, values: Collection[int]) -> None:
    """Check that an image can be opened, and that its label has its grid and only the given values.

    Raises:
        DatasetError: one of these is not so.
    """
    volume = _opened(image)
    if label is None:
        return
    segmentation = _opened(label)
    if volume.shape != segmentation.shape:
        raise DatasetError(
            f"{image} has {volume.shape} voxels and {label} {segmentation.shape}; both must have one grid."
        )
    spacing, label_spacing = volume.header.get_zooms(), segmentation.header.get_zooms()
    if not np.allclose(spacing, label_spacing, rtol=1e-3):
        raise DatasetError(
            f"{image} has voxels of {_mm(spacing)}, {label} {_mm(label_spacing)}; both must have one grid."
        )
    try:
        found = np.unique(np.asanyarray(segmentation.dataobj))
    except Exception as error:
        raise _unreadable(label, error) from error
    if unknown := sorted(set(found.tolist()) - set(values)):
        raise DatasetError(f"{label} holds the values {some(unknown)}; allowed are {min(values)} to {max(values)}.")


def _opened(path: Path):
    import nibabel

    try:
        return nibabel.load(path)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{path} cannot be read as NIfTI ({type(error).__name__}); replace the file and start again.")


def _mm(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in spacing) + " mm"
