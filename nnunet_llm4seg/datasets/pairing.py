"""Which mask belongs to which image, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from nnunet_llm4seg.datasets.finding import by_stem, files_of, stem
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError

_PARTS = re.compile(r"[^_\-. ]+")


def masks_by_image(images: Mapping[str, Path], masks: list[Path]) -> dict[str, list[Path]]:
    """Masks by the name of their image; a mask that fits none keeps its own name.

    A mask has its image's name, or that with a prefix or suffix (`a_mask`, `a_manual1`, `label_a`). If no mask fits
    in this way, what all images and what all masks have in common is removed first (`21_training`, `21_manual1`).

    Raises:
        DatasetError: two masks fit one image.
    """
    named = {path: _image_in(stem(path), images) for path in masks}
    if masks and not any(named.values()):
        rest_of = {_rest(name, list(images)): name for name in images}
        stems = [stem(path) for path in masks]
        if len(rest_of) == len(images) and "" not in rest_of:
            named = {path: rest_of.get(_rest(stem(path), stems)) for path in masks}
    found: dict[str, list[Path]] = {}
    for path, name in named.items():
        fitting = found.setdefault(name or stem(path), [])
        fitting.append(path)
        if len(fitting) > 1:
            raise DatasetError(
                f"{fitting[0]} and {path} both fit {name or stem(path)!r}; keep one mask per image and start again."
            )
    return found


def one_folder(folder: Path) -> tuple[dict[str, Path], dict[str, list[Path]]] | None:
    """Images and masks by image of a folder that contains both, distinguished by name; None if that is not possible.

    A file is a mask if its name is another file's with a prefix or suffix.
    """
    files = by_stem(files_of(folder))
    mask_of: dict[str, str] = {}
    for name in files:
        if (image := _image_in(name, files, other=True)) is not None:
            mask_of[name] = image
    images = {name: path for name, path in files.items() if name not in mask_of}
    if not mask_of or any(image in mask_of for image in mask_of.values()):
        return None
    return images, masks_by_image(images, [files[name] for name in mask_of])


def _image_in(name: str, images: Mapping[str, Path], *, other: bool = False) -> str | None:
    """The longest sequence of a name's parts that is the name of an image (or of an `other`); the first of several."""
    if name in images and not other:
        return name
    parts = [match.span() for match in _PARTS.finditer(name)]
    runs = [name[start:end] for i, (start, _) in enumerate(parts) for _, end in parts[i:]]
    fitting = [run for run in runs if run in images and run != name]
    return max(fitting, key=len, default=None)


def _rest(name: str, names: list[str]) -> str:
    """A name without the letters at both ends that all names share; digits are kept."""
    start = _common(names).rstrip("0123456789")
    end = _common([each[::-1] for each in names])[::-1].lstrip("0123456789")
    return name.removeprefix(start).removesuffix(end) if len(names) > 1 else name


def _common(names: list[str]) -> str:
    """What all names begin with."""
    first, last = min(names), max(names)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def no_masks(folder: Path) -> DatasetError:
    """The error for one folder whose images and masks cannot be distinguished."""
    return DatasetError(
        f"{folder} holds {some(path.name for path in files_of(folder))}, in which images and masks cannot be told "
        "apart by their names; give masks their image's name and a suffix, such as _mask, or a folder masks/."
    )
