"""Layouts that several data sets share: an images folder beside a masks folder."""

from __future__ import annotations

import re
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, by_stem, first_folder, image_files, paired, some
from nnunet_llm4seg.errors import DatasetError

_MASK_SUFFIX = re.compile(r"[_-](mask|masks|segmentation|seg|gt|groundtruth|label)$", re.IGNORECASE)


def images_and_masks(root: Path) -> list[Case] | None:
    """Cases of `images/` + `masks/0/` (the official LLM4Seg layout) or `images/` + `masks/`; None if neither.

    A mask has its image's name, or that and a suffix such as `_mask`; the endings may differ.

    Raises:
        DatasetError: masks or images are missing, or there is more than one class.
    """
    images = first_folder(root / "images", root / "image", root / "Images", root / "imgs")
    masks = first_folder(root / "masks", root / "mask", root / "Masks", root / "labels")
    if images is None or masks is None:
        return None
    classes = sorted(path.name for path in masks.iterdir() if path.is_dir() and path.name.isdigit())
    if classes not in ([], ["0"]):
        raise DatasetError(f"{masks} holds the classes {some(classes)}; only one class, masks/0, can be converted.")
    return pair_folders(images, masks / "0" if classes else masks)


def pair_folders(images: Path, masks: Path, *, test: bool = False) -> list[Case]:
    """Cases of two folders.

    Raises:
        DatasetError: masks or images are missing, or both folders are empty.
    """
    image_of = by_stem(image_files(images))
    # an image may itself be called x_mask; then its name stands as it is
    mask_of = by_stem(
        image_files(masks),
        lambda path: path.stem if path.stem in image_of else _MASK_SUFFIX.sub("", path.stem),
    )
    if not image_of and not mask_of:
        raise DatasetError(f"{images} holds no images; give the folder of a data set that is unpacked.")
    return [
        Case(name=name, image=image, masks=files, test=test)
        for name, image, files in paired(image_of, {name: [path] for name, path in mask_of.items()})
    ]
