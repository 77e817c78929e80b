"""BUSI, breast ultrasound (Al-Dhabyani et al. 2020): 437 benign, 210 malignant and 133 normal images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.finding import by_stem, files_of, first_folder, no_layout, paired
from nnunet_llm4seg.datasets.layouts import images_and_masks
from nnunet_llm4seg.errors import DatasetError

NORMAL = "normal"
CLASSES = ("benign", "malignant", NORMAL)
_MASK = re.compile(r"(?P<image>.+)_mask(_\d+)?$")


def read_busi(source: Path, *, normals: bool = False) -> SourceDataset:
    """Kaggle's `Dataset_BUSI_with_GT/{benign,malignant,normal}`, or the official LLM4Seg layout.

    Several masks of one image (17 images have `_mask_1`, one also `_mask_2`) belong to one case.

    Args:
        normals: also convert the images without a lesion, with empty masks.

    Raises:
        DatasetError: the layout is not one of these, or images and masks do not match.
    """
    root = source / "Dataset_BUSI_with_GT"
    root = root if root.is_dir() else source
    if first_folder(root / "benign", root / "malignant"):
        cases = [case for name in CLASSES[: 3 if normals else 2] for case in _of_class(root / name)]
    elif (found := images_and_masks(root)) is not None:
        classes = [_class_of(case.name) for case in found]
        found = [replace(case, group=c, healthy=c == NORMAL) for case, c in zip(found, classes, strict=True)]
        cases = [case for case in found if normals or not case.healthy]
    else:
        raise no_layout(source, "Dataset_BUSI_with_GT/ with benign/ and malignant/, or images/ and masks/0/")
    return SourceDataset(name="BUSI", list_folders=(source, root), cases=cases, labels={"background": 0, "lesion": 1})


def _of_class(folder: Path) -> list[Case]:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is missing; unpack the whole data set, or omit --normals.")
    images: list[Path] = []
    masks: dict[str, list[Path]] = {}
    for path in files_of(folder):
        if match := _MASK.match(path.stem):
            masks.setdefault(match["image"], []).append(path)
        else:
            images.append(path)
    return [
        Case(name=name, images=(image,), masks=files, group=folder.name, healthy=folder.name == NORMAL)
        for name, image, files in paired(by_stem(images), masks)
    ]


def _class_of(name: str) -> str:
    found = name.split(" ")[0].split("_")[0].lower()
    if found not in CLASSES:
        raise DatasetError(f"{name!r} is not a name of BUSI, such as 'benign (1)'; use `llm4seg convert folder`.")
    return found
