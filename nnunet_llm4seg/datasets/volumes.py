"""Checking NIfTI volumes; their files are copied as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.cases import some
from nnunet_llm4seg.errors import DatasetError

MOVED = "labels have another origin than their image; both were kept as stored, voxel on voxel"

_SAME_PLACE = 1e-2  # of affines, in mm: published headers are rounded


def check_volume(image: Path, label: Path | None, values: Collection[int]) -> list[str]:
    """Check that an image can be read to its end, and that its label has its grid and only the given values.

    Returns:
        Notices: nnU-Net takes voxels as they are stored, so another origin harms nothing, another direction does.

    Raises:
        DatasetError: one of these is not so.
    """
    import nibabel

    with _reading(image):
        volume = nibabel.load(image)
        volume.dataobj.get_unscaled()  # a file that is cut off has a whole header
    if label is None:
        return []
    with _reading(label):
        segmentation = nibabel.load(label)
        found = np.unique(np.asanyarray(segmentation.dataobj))
    if volume.shape != segmentation.shape:
        raise DatasetError(
            f"{image} has {volume.shape} voxels and {label} {segmentation.shape}; both must have one grid."
        )
    spacing, label_spacing = volume.header.get_zooms(), segmentation.header.get_zooms()
    if not np.allclose(spacing, label_spacing, rtol=1e-3):
        raise DatasetError(
            f"{image} has voxels of {_mm(spacing)}, {label} {_mm(label_spacing)}; both must have one grid."
        )
    if not np.allclose(volume.affine[:3, :3], segmentation.affine[:3, :3], atol=_SAME_PLACE):
        raise DatasetError(
            f"{image} lies in space as {_place(volume.affine)}, {label} as {_place(segmentation.affine)}; both must "
            "have one grid: download them again, or resample the label to its image."
        )
    if unknown := sorted(set(found.tolist()) - set(values)):
        raise DatasetError(f"{label} holds the values {some(unknown)}; allowed are {min(values)} to {max(values)}.")
    return [] if np.allclose(volume.affine, segmentation.affine, atol=_SAME_PLACE) else [MOVED]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = type(error).__name__
        raise DatasetError(f"{path} cannot be read as NIfTI ({reason}); replace the file and start again.") from error


def _mm(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in spacing) + " mm"


def _place(affine: np.ndarray) -> str:
    import nibabel

    origin = ", ".join(f"{value:g}" for value in affine[:3, 3])
    return f"{''.join(nibabel.aff2axcodes(affine))} with its origin at ({origin}) mm"
