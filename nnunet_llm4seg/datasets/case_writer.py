"""Writing one case's files into nnU-Net's folders; files that already exist are complete and are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.image_cases import ImageCase, ImageReading, read_image_case
from nnunet_llm4seg.datasets.near_duplicates import Features, features
from nnunet_llm4seg.datasets.volumes import VolumeReading, check_volumes, label_voxels, write_label, write_volume
from nnunet_llm4seg.files import write_json, written_whole


class CaseFiles(NamedTuple):
    """Where a case's files go; `notices` is for the next run, if this one is killed."""

    images: tuple[Path, ...]
    label: Path
    notices: Path


@dataclass(frozen=True)
class CaseResult:
    """What must be known about a written case.

    Attributes:
        counts: pixels or voxels per label, (labels,); None without masks.
        features: for the search for near-duplicates, of 2D cases.
        foreground: the value of the masks' foreground if it is an unusual one.
    """

    notices: list[str]
    counts: np.ndarray | None = None
    features: Features | None = None
    foreground: tuple[int, ...] | None = field(default=None)


def write_image_case(
    case: Case, target: CaseFiles, *, how: ImageReading, labels: int, similar: bool = True
) -> CaseResult:
    """Write a 2D case as PNG, its labels as 0, 1, ...; a case that a killed run has written gets a result, too.

    Raises:
        DatasetError: see `read_image_case`.
    """
    if _exists(case, target):
        notices, foreground = _noticed_before(target)
        label = pixels(target.label) if case.masks else None
        return image_result(ImageCase(pixels(target.images[0]), label, notices, foreground), labels, similar=similar)
    read = read_image_case(case, how)
    if read.notices or read.foreground:  # before the files that tell the next run that the case is done
        write_json(target.notices, {"notices": read.notices, "foreground": read.foreground})
    _save(read.pixels, target.images[0])
    if read.label is not None:
        _save(read.label, target.label)
    return image_result(read, labels, similar=similar)


def image_result(read: ImageCase, labels: int, *, similar: bool) -> CaseResult:
    """What must be known about a 2D case."""
    counts = None if read.label is None else np.bincount(read.label.ravel(), minlength=labels)
    return CaseResult(read.notices, counts, features(read.pixels) if similar else None, read.foreground)


def write_volume_case(case: Case, target: CaseFiles, *, how: VolumeReading) -> CaseResult:
    """Write a 3D case as NIfTI after checking it; files that are NIfTI already are copied.

    Raises:
        DatasetError: a file cannot be read, or images and label do not match.
    """
    if _exists(case, target):
        counts = np.bincount(label_voxels(target.label).ravel(), minlength=len(how.values)) if case.masks else None
        return CaseResult(_noticed_before(target)[0], counts)
    notices, counts = check_volumes(case.images, case.masks[0] if case.masks else None, how)
    if notices:
        write_json(target.notices, {"notices": notices, "foreground": None})
    for source, path in zip(case.images, target.images, strict=True):
        write_volume(source, path)
    if case.masks:
        write_label(case.masks[0], target.label, how)
    return CaseResult(notices, counts)


def _exists(case: Case, target: CaseFiles) -> bool:
    return all(path.exists() for path in target.images) and (target.label.exists() or not case.masks)


def _noticed_before(target: CaseFiles) -> tuple[list[str], tuple[int, ...] | None]:
    if not target.notices.exists():
        return [], None
    content = json.loads(target.notices.read_text(encoding="utf-8"))
    return content["notices"], tuple(content["foreground"]) if content["foreground"] else None


def pixels(path: Path) -> np.ndarray:
    """Pixels of a written image or label: (H, W) uint8 or uint16, or (H, W, 3) uint8."""
    with Image.open(path) as image:
        return np.array(image).astype(np.uint16) if image.mode.startswith("I") else np.array(image)


def _save(pixels: np.ndarray, path: Path) -> None:
    with written_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
