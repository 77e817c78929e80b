"""Reading the image and masks of one 2D case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.images import EQUAL, TURNED, read_image, resized
from nnunet_llm4seg.datasets.label_table import LabelTable
from nnunet_llm4seg.datasets.masks import binary_mask, foreground_value
from nnunet_llm4seg.datasets.stored_masks import StoredMask, stored_mask
from nnunet_llm4seg.errors import DatasetError

FITTED = "masks had another size than their image; they were resized to it"
EMPTY = "labels are empty: look whether their masks show the foreground bright on black"
FULL = "labels are foreground everywhere: look whether their masks show the foreground bright on black"
NOT_TURNED = TURNED + ", and their masks, which hold no orientation, were not: look whether these fit"
_SAME_ASPECT = 0.02


@dataclass(frozen=True)
class ImageReading:
    """How the files of 2D cases are read."""

    colour: bool
    size: int | None
    resize_masks: bool
    table: LabelTable | None


class ImageCase(NamedTuple):
    """A case as it will be written.

    `pixels` is (H, W) uint8 or uint16, or (H, W, 3) uint8; `label` is (H, W) uint8, None without masks; `foreground`
    is the value of the masks' foreground if it is an unusual one.
    """

    pixels: np.ndarray
    label: np.ndarray | None
    notices: list[str]
    foreground: tuple[int, ...] | None


def read_image_case(case: Case, how: ImageReading) -> ImageCase:
    """Read, resize and merge the files of a case.

    Raises:
        DatasetError: a file cannot be read, a mask cannot be decoded, or its size differs and it may not be resized.
    """
    pixels, notices = read_image(case.images[0], colour=how.colour)
    shape = pixels.shape[:2]
    final = (how.size, how.size) if how.size else shape
    label: np.ndarray = np.zeros(final, dtype=np.uint8)
    foreground = None
    for path in case.masks:
        mask = stored_mask(path)
        decoded, more, value = _decoded(mask, how.table)
        foreground = foreground or value
        if decoded.shape != shape:
            if not how.resize_masks:
                raise _other_size(case, shape, mask, decoded.shape, turned=TURNED in notices)
            more = [*more, FITTED]
        if TURNED in notices and not mask.turned:
            notices = [NOT_TURNED if notice == TURNED else notice for notice in notices]
        label = np.maximum(label, resized(decoded, final, nearest=True))
        notices += more
    if case.masks:
        if how.table is None and label.all():
            notices.append(FULL)
        elif not label.any() and not case.healthy:
            notices.append(EMPTY)
    pixels = resized(pixels, final)
    if how.colour and (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        notices.append(EQUAL)
    return ImageCase(pixels, label if case.masks else None, notices, foreground)


def _decoded(mask: StoredMask, table: LabelTable | None) -> tuple[np.ndarray, list[str], tuple[int, ...] | None]:
    """Labels as (H, W) uint8, notices, and the value of an unusual foreground."""
    if table is not None:
        return table.decode(mask), [], None
    foreground, notices = binary_mask(mask)
    return foreground.astype(np.uint8), notices, foreground_value(mask, foreground)


def _other_size(
    case: Case, shape: tuple[int, int], mask: StoredMask, other: tuple[int, ...], *, turned: bool
) -> DatasetError:
    aspects = shape[1] / shape[0], other[1] / other[0]
    if abs(aspects[0] / aspects[1] - 1) <= _SAME_ASPECT:
        help_ = "correct the files or add --resize-masks."
    elif turned != mask.turned:
        help_ = "the EXIF orientation of one of them turns it; save both upright and start again."
    else:
        help_ = "their shapes differ, so that no resizing makes them fit; correct the files."
    return DatasetError(
        f"{case.name}: the image is {shape[1]}x{shape[0]} and its mask {mask.path.name} {other[1]}x{other[0]}; {help_}"
    )
