"""Writing one case's files into nnU-Net's folders; what is there already is whole and stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.images import FITTED, read_image, read_mask, resized
from nnunet_llm4seg.datasets.volumes import check_volume
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import written_whole

EMPTY = "labels are empty: look whether their masks show the foreground bright on black"
FULL = "labels are foreground everywhere: look whether their masks show the foreground bright on black"


def case_paths(folder: Path, name: str, *, test: bool, ending: str) -> tuple[Path, Path]:
    """Where a case's image and label go."""
    which = "Ts" if test else "Tr"
    return folder / f"images{which}" / f"{name}_0000{ending}", folder / f"labels{which}" / f"{name}{ending}"


def write_image_case(
    case: Case, target: tuple[Path, Path], *, colour: bool, size: int | None, resize_masks: bool
) -> list[str]:
    """Write a 2D case as PNG, its merged masks as 0 and 1; returns notices.

    Raises:
        DatasetError: a file cannot be read, or a mask has another size and may not be resized.
    """
    image_path, label_path = target
    if image_path.exists() and (label_path.exists() or not case.masks):
        return []
    pixels, notices = read_image(case.image, colour=colour)
    shape = pixels.shape[:2]
    final = (size, size) if size else shape
    label = np.zeros(final, dtype=bool)
    for path in case.masks:
        mask, more = read_mask(path)
        if mask.shape != shape:
            if not resize_masks:
                raise DatasetError(
                    f"{case.name}: the image is {shape[1]}x{shape[0]} and its mask {path.name} "
                    f"{mask.shape[1]}x{mask.shape[0]}; correct the files or add --resize-masks."
                )
            more = [*more, FITTED]
        label |= resized(mask, final)
        notices += more
    if case.masks and label.all():
        notices.append(FULL)
    elif case.masks and not label.any() and not case.healthy:
        notices.append(EMPTY)
    _save(resized(pixels, final), image_path)
    if case.masks:
        _save(label.astype(np.uint8), label_path)
    return notices


def write_volume_case(case: Case, target: tuple[Path, Path], *, values: range) -> list[str]:
    """Copy a 3D case's NIfTI files after checking them; returns no notices.

    Raises:
        DatasetError: a file cannot be read, or image and label do not fit.
    """
    sources = [case.image, *case.masks]
    if not all(path.exists() for path in target[: len(sources)]):
        check_volume(case.image, case.masks[0] if case.masks else None, values)
        for source, path in zip(sources, target, strict=False):
            with written_whole(path) as temporary:
                shutil.copyfile(source, temporary)
    return []


def _save(pixels: np.ndarray, path: Path) -> None:
    with written_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
