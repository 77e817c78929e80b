"""Reading and writing segmentations through nnU-Net's own readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import DatasetError, one_line

_NAMED = "overwrite_image_reader_writer"


def find_reader(dataset: Mapping[str, Any], example: Path) -> Any:
    """nnU-Net's reader for the files of a data set.

    Args:
        dataset: The content of dataset.json.
        example: One of the files.

    Raises:
        DatasetError: nnU-Net has no reader for this file.
    """
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

    try:
        return determine_reader_writer_from_dataset_json(dataset, str(example), verbose=False)()
    except RuntimeError as error:
        raise DatasetError(f"{example}: no reader of nnU-Net can open it; check file_ending and the file.") from error


@dataclass(frozen=True)
class LazyReader:
    """nnU-Net's reader of a data set's files, looked for when it first reads: to load all of them takes half a second.

    Attributes:
        ending: of the files.
        named: the reader that dataset.json asks for, if any.
        example: one of the files.
    """

    ending: str
    named: str
    example: Path

    @classmethod
    def of(cls, dataset: Mapping[str, Any], example: Path) -> LazyReader:
        """Arguments as `find_reader`, whose errors come when it reads."""
        return cls(dataset["file_ending"], str(dataset.get(_NAMED)), example)

    @property
    def kind(self) -> str:
        """Equal for readers that read a file alike."""
        return f"{self.ending} {self.named} nnunetv2 {version('nnunetv2')}"

    def read_seg(self, path: str) -> tuple[np.ndarray, dict[str, Any]]:
        return _found(self).read_seg(path)

    def read_images(self, paths: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        return _found(self).read_images(paths)


@lru_cache(maxsize=8)
def _found(reader: LazyReader) -> Any:
    return find_reader({"file_ending": reader.ending, _NAMED: reader.named}, reader.example)


def read_segmentation(reader: Any, path: Path) -> tuple[np.ndarray, tuple[float, ...]]:
    """A label map (H, W) or (D, H, W) and the spacing of its axes; the singleton axis of a 2D image is dropped.

    nnU-Net's readers give a 2D file the shape (1, H, W) and an invented spacing for the first axis. Labels are uint8,
    uint16 or int32, the first that has room for all of them: volumes are large, and nnU-Net reads them as float32.

    Raises:
        DatasetError: the file cannot be read.
    """
    label, spacing, _ = _read(reader, path)
    return label, spacing


def rewrite_segmentation(
    reader: Any, source: Path, target: Path, change: Callable[[np.ndarray, tuple[float, ...]], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Write a changed label map with the header of its source.

    Args:
        change: Takes what `read_segmentation` returns, and returns an array of the same shape.

    Returns:
        The label map before and after.

    Raises:
        DatasetError: the file cannot be read.
    """
    label, spacing, properties = _read(reader, source)
    changed = change(label, spacing)
    stored = changed if changed.ndim == 3 else changed[None]
    reader.write_seg(stored, str(target), properties)
    return label, changed


def _read(reader: Any, path: Path) -> tuple[np.ndarray, tuple[float, ...], dict[str, Any]]:
    try:
        array, properties = reader.read_seg(str(path))
    except Exception as error:  # every reader raises its own
        raise DatasetError(
            f"{path}: cannot be read ({one_line(error)}); predict or convert this case again."
        ) from error
    array, spacing = array[0], tuple(float(step) for step in properties["spacing"])
    if array.shape[0] == 1:
        array, spacing = array[0], spacing[1:]
    return _smallest(np.rint(array)), spacing, properties


def _smallest(labels: np.ndarray) -> np.ndarray:
    low, high = (labels.min(), labels.max()) if labels.size else (0, 0)
    fits = (kind for kind in (np.uint8, np.uint16) if low >= 0 and high <= np.iinfo(kind).max)
    return labels.astype(next(fits, np.int32))


def check_same_place(prediction: Path, reference: Path) -> None:
    """Check that two segmentations have the same spacing and direction, of which their headers alone are read.

    Files without a header for that, such as PNG, have unit spacing.

    Raises:
        DatasetError: they differ.
    """
    first, second = (_header(path) for path in (prediction, reference))
    if first is None or second is None:
        return
    for what, ours, theirs in zip(("spacing", "direction"), first, second, strict=True):
        if len(ours) != len(theirs) or not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
            raise DatasetError(
                f"{prediction}: {what} {_rounded(ours)}, but its reference {reference} has {_rounded(theirs)}; these"
                " are not predictions of this data set, or were resampled."
            )


def voxel_count(path: Path) -> int | None:
    """Number of voxels, of which the header alone is read; None where ITK cannot read it."""
    header = _read_header(path)
    return None if header is None else int(np.prod(header.GetSize(), dtype=np.int64))


def _header(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Spacing and direction; None where ITK cannot read the file, which nnU-Net's reader then judges."""
    header = _read_header(path)
    return None if header is None else (tuple(header.GetSpacing()), tuple(header.GetDirection()))


def _read_header(path: Path) -> Any:
    """SimpleITK's reader of the file after it has read the header alone; None where ITK cannot read it."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    return reader


def _rounded(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def first_channel(folder: Path, case: str, ending: str) -> Path:
    """The file of a case's first channel in a folder of raw images."""
    return folder / f"{case}_0000{ending}"
