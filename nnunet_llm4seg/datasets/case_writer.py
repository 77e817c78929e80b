"""Writing one case's files into nnU-Net's folders; what is there already is whole and stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.images import FITTED, read_image, read_mask, resized
from nnunet_llm4seg.datasets.volumes import check_volume
from nnunet_llm4seg.datasets.writer import NOTICES
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import write_json, written_whole

EMPTY = "labels are empty: look whether their masks show the foreground bright on black"
FULL = "labels are foreground everywhere: look whether their masks show the foreground bright on black"


class CaseFiles(NamedTuple):
    """Where a case's files go; `notices` is for the next run, should this one be killed."""

    image: Path
    label: Path
    notices: Path


def case_files(folder: Path, name: str, *, test: bool, ending: str) -> CaseFiles:
    """The files of a case under its new name."""
    which = "Ts" if test else "Tr"
    return CaseFiles(
        folder / f"images{which}" / f"{name}_0000{ending}",
        folder / f"labels{which}" / f"{name}{ending}",
        folder / NOTICES / f"{name}.json",
    )


def write_image_case(
    case: Case, target: CaseFiles, *, colour: bool, size: int | None, resize_masks: bool
) -> list[str]:
    """Write a 2D case as PNG, its merged masks as 0 and 1; returns notices, also those of a run that was killed.

    Raises:
        DatasetError: a file cannot be read, or a mask has another size and may not be resized.
    """
    if target.image.exists() and (target.label.exists() or not case.masks):
        return _noticed_before(target)
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
    if notices:  # before the files that tell the next run that the case is done
        write_json(target.notices, notices)
    _save(resized(pixels, final), target.image)
    if case.masks:
        _save(label.astype(np.uint8), target.label)
    return notices


def write_volume_case(case: Case, target: CaseFiles, *, values: range) -> list[str]:
    """Copy a 3D case's NIfTI files after checking them; returns notices.

    Raises:
        DatasetError: a file cannot be read, or image and label do not fit.
    """
    sources = [case.image, *case.masks]
    targets = [target.image, target.label][: len(sources)]
    if all(path.exists() for path in targets):
        return _noticed_before(target)
    notices = check_volume(case.image, case.masks[0] if case.masks else None, values)
    if notices:
        write_json(target.notices, notices)
    for source, path in zip(sources, targets, strict=True):
        with written_whole(path) as temporary:
            shutil.copyfile(source, temporary)
    return notices


def _noticed_before(target: CaseFiles) -> list[str]:
    return json.loads(target.notices.read_text(encoding="utf-8")) if target.notices.exists() else []


def _save(pixels: np.ndarray, path: Path) -> None:
    with written_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
