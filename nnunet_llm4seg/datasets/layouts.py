"""Layouts that several data sets share: images beside masks, whole or in training, validation and test sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, Fold
from nnunet_llm4seg.datasets.finding import IMAGE_ENDINGS, by_stem, files_of, paired
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.datasets.pairing import masks_by_image, no_masks, one_folder
from nnunet_llm4seg.errors import DatasetError

IMAGES = ("images", "image", "imgs", "img")
MASKS = ("masks", "mask", "labels", "label", "annotations", "annotation", "groundtruth", "gt", "segmentations")
SETS = {"training": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test", "testing")}
KNOWN = (
    "images/ and masks/0/, or images/ and masks/ (also image, imgs; mask, label, labels, ...), or train/, val/ and "
    "test/ with these, or one folder with a and a_mask"
)


@dataclass(frozen=True)
class Layout:
    """Cases of a folder, and the fold that its training and validation sets make."""

    cases: list[Case]
    published: list[Fold] | None = None


def folder_layout(root: Path) -> Layout | None:
    """Cases of any of the layouts that `KNOWN` describes; None if it is none of them.

    Raises:
        DatasetError: images and masks do not match.
    """
    if (cases := images_and_masks(root)) is not None:
        return Layout(cases)
    if not root.is_dir():
        return None
    sets = {name: found for name, names in SETS.items() if (found := _subfolder(root, names)) is not None}
    if "training" in sets:
        return _of_sets(sets)
    images = _subfolder(root, IMAGES)
    for folder in (root, images):
        if folder is not None and files_of(folder):
            if (both := one_folder(folder)) is None:
                raise no_masks(folder)
            return Layout(_cases(*both))
    return None


def images_and_masks(root: Path) -> list[Case] | None:
    """Cases of `images/` + `masks/0/` (the official LLM4Seg layout) or `images/` + `masks/`; None if neither.

    Raises:
        DatasetError: masks or images are missing, or there is more than one class.
    """
    images, masks = _subfolder(root, IMAGES), _subfolder(root, MASKS)
    if images is None or masks is None:
        return None
    classes = sorted(path.name for path in masks.iterdir() if path.is_dir() and path.name.isdigit())
    if classes not in ([], ["0"]):
        raise DatasetError(
            f"{masks} contains a folder for each of the classes {some(classes)}; only masks/0 can be converted. For "
            "one class keep its folder alone, as masks/0. For several, replace the folders with one mask per image "
            "that has a value per class, and give the values to `llm4seg convert folder --labels`."
        )
    return pair_folders(images, masks / "0" if classes else masks)


def pair_folders(
    images: Path, masks: Path, *, test: bool = False, endings: tuple[str, ...] = IMAGE_ENDINGS
) -> list[Case]:
    """Cases of two folders.

    Raises:
        DatasetError: masks or images are missing, or both folders are empty.
    """
    image_of = by_stem(files_of(images, endings))
    mask_files = files_of(masks, endings)
    if not image_of and not mask_files:
        raise DatasetError(f"{images} holds no images; give the folder of a data set that is unpacked.")
    return _cases(image_of, masks_by_image(image_of, mask_files), test=test)


def _cases(images: dict[str, Path], masks: dict[str, list[Path]], *, test: bool = False) -> list[Case]:
    return [Case(name=name, images=(image,), masks=files, test=test) for name, image, files in paired(images, masks)]


def _of_sets(folders: dict[str, Path]) -> Layout:
    """Cases of the sets; if two sets use the same name, all names begin with the name of their set."""
    found: dict[str, list[Case]] = {}
    for name, folder in folders.items():
        cases = images_and_masks(folder)
        if cases is None and (both := one_folder(folder)):
            cases = _cases(*both)
        if cases is None and name == "test":  # a test set may have no masks
            files = by_stem(files_of(_subfolder(folder, IMAGES) or folder))
            cases = [Case(name=case, images=(path,)) for case, path in files.items()]
        if cases is None:
            raise no_masks(folder)
        found[name] = cases
    names = [case.name for cases in found.values() for case in cases]
    prefixed = len(set(names)) < len(names)
    for name, cases in found.items():
        found[name] = [
            Case(
                name=f"{folders[name].name}_{case.name}" if prefixed else case.name,
                images=case.images,
                masks=case.masks,
                test=name == "test",
            )
            for case in cases
        ]
    published: list[Fold] | None = None
    if found.get("validation"):
        published = [([c.name for c in found["training"]], [c.name for c in found["validation"]])]
    return Layout([case for cases in found.values() for case in cases], published)


def _subfolder(root: Path, names: Iterable[str]) -> Path | None:
    """The folder with the first of these names, in lower or upper case."""
    inside = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()} if root.is_dir() else {}
    return next((inside[name] for name in names if name in inside), None)
