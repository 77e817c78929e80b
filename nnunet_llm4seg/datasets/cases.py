"""What a converter hands over: the cases that it found, and how nnU-Net is to see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_llm4seg.errors import DatasetError

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

# (names of the training cases, names of the validation cases), as the publisher spells them
Fold = tuple[list[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image and its masks; several masks of one image are merged, none is allowed for tests only."""

    name: str  # as published; unique in the data set
    image: Path
    masks: tuple[Path, ...] = ()
    test: bool = False
    group: str | None = None  # class that 5fold stratifies by, such as benign
    healthy: bool = False  # so its masks are empty


@dataclass(frozen=True, kw_only=True)
class SourceDataset:
    """A data set as it lies on the disk.

    `colour` is None where the image files themselves tell; `published` holds folds that the layout gives
    (else lists are looked for in `list_folders`).
    """

    name: str
    list_folders: tuple[Path, ...]
    cases: list[Case]
    labels: Mapping[str, int]
    colour: bool | None = False
    volumes: bool = False
    published: list[Fold] | None = None
    published_in: str = ""
    notices: list[str] = field(default_factory=list)


def some(names: Iterable[object], limit: int = 3) -> str:
    """The first names, and how many more there are."""
    names = sorted(str(name) for name in names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def image_files(folder: Path, endings: tuple[str, ...] = IMAGE_ENDINGS) -> list[Path]:
    """Image files of a folder in the order of their names; hidden files and other endings are skipped."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(endings)
    )


def by_stem(files: Iterable[Path], stem: Callable[[Path], str] = lambda path: path.stem) -> dict[str, Path]:
    """Files by the name of their case.

    Raises:
        DatasetError: two files have the same one.
    """
    found: dict[str, Path] = {}
    for path in files:
        if (other := found.setdefault(stem(path), path)) is not path:
            raise DatasetError(f"{other} and {path} are both called {stem(path)!r}; keep one of them and start again.")
    return found


def paired(images: Mapping[str, Path], masks: Mapping[str, Iterable[Path]]) -> list[tuple[str, Path, tuple]]:
    """(name, image, masks) of every case.

    Raises:
        DatasetError: an image has no mask, or a mask no image.
    """
    if missing := images.keys() - masks.keys():
        raise DatasetError(
            f"{len(missing)} of {len(images)} images have no mask: "
            f"{some(images[name] for name in missing)}; add the masks or move these images away."
        )
    if extra := masks.keys() - images.keys():
        files = [path for name in extra for path in masks[name]]
        raise DatasetError(
            f"{len(files)} masks have no image: {some(files)}; add the images or move these masks away."
        )
    return [(name, images[name], tuple(masks[name])) for name in images]


def no_layout(source: Path, expected: str) -> DatasetError:
    """The error for a folder in which nothing known was found."""
    if not source.is_dir():
        return DatasetError(f"{source} is not a folder; unpack the data set and name its folder, with {expected}.")
    inside = some(path.name for path in source.iterdir()) or "nothing"
    return DatasetError(f"{source} holds {inside}; expected {expected}: name the folder that holds them.")


def first_folder(*candidates: Path) -> Path | None:
    """The first that is there."""
    return next((path for path in candidates if path.is_dir()), None)


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """File-safe case names by the published ones: letters, digits and hyphens, one underscore for all else.

    Raises:
        DatasetError: two names become the same, or one is not in UTF-8 and so cannot be written down.
    """
    safe: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        if name != name.encode(errors="replace").decode():
            raise DatasetError(f"{name!r} is not a name in UTF-8; rename the file or folder and start again.")
        new = re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_") or "case"
        if (other := taken.setdefault(new, name)) != name or name in safe:
            raise DatasetError(f"{other!r} and {name!r} both become the case name {new!r}; rename one of the files.")
        safe[name] = new
    return safe
