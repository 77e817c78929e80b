"""Finding files and pairing images with masks: the steps that converters share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError

IMAGE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
VOLUME_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
# never a case: files that people publish beside their images
_TEXTS = (
    *(".txt", ".csv", ".tsv", ".json", ".xml", ".xlsx", ".xls", ".md", ".pdf", ".html", ".yaml", ".yml"),
    *(".db", ".ini", ".py", ".ipynb", ".doc", ".docx", ".rtf"),
)


def files_of(folder: Path, endings: tuple[str, ...] = IMAGE_ENDINGS) -> list[Path]:
    """Files of a folder with these endings, sorted by name; hidden ones are skipped."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(endings)
    )


def stem(path: Path) -> str:
    """The name without its ending, of which `.nii.gz` is one."""
    known = next((ending for ending in VOLUME_ENDINGS if path.name.lower().endswith(ending)), None)
    return path.name[: -len(known)] if known else path.stem


def by_stem(files: Iterable[Path], name: Callable[[Path], str] = stem) -> dict[str, Path]:
    """Files by the name of their case.

    Raises:
        DatasetError: two files have the same name of a case.
    """
    found: dict[str, Path] = {}
    for path in files:
        if (other := found.setdefault(name(path), path)) is not path:
            raise DatasetError(f"{other} and {path} are both called {name(path)!r}; keep one of them and start again.")
    return found


def paired(
    images: Mapping[str, Path], masks: Mapping[str, Iterable[Path]]
) -> list[tuple[str, Path, tuple[Path, ...]]]:
    """(name, image, masks) of every case.

    Raises:
        DatasetError: an image has no mask, or a mask has no image.
    """
    extra = [path for name in masks.keys() - images.keys() for path in masks[name]]
    if missing := images.keys() - masks.keys():
        called = f" The masks without an image are called {some(path.name for path in extra)}." if extra else ""
        raise DatasetError(
            f"{len(missing)} of {len(images)} images have no mask: "
            f"{some(images[name] for name in missing)}; add the masks or move these images away.{called}"
        )
    if extra:
        raise DatasetError(
            f"{len(extra)} masks have no image: {some(extra)}; add the images or move these masks away."
        )
    return [(name, images[name], tuple(masks[name])) for name in images]


def no_layout(source: Path, expected: str) -> DatasetError:
    """The error for a folder in which no known layout was found."""
    if not source.is_dir():
        return DatasetError(f"{source} is not a folder; unpack the data set and name its folder, with {expected}.")
    inside = some(path.name for path in source.iterdir()) or "nothing"
    return DatasetError(f"{source} holds {inside}; expected {expected}: name the folder that holds them.")


def first_folder(*candidates: Path) -> Path | None:
    """The first of these folders that exists."""
    return next((path for path in candidates if path.is_dir()), None)


def skipped(source: Path, used: Iterable[Path]) -> list[str]:
    """Files below `source` that are not used, except hidden ones and texts: one sentence per folder and ending."""
    taken = {os.path.abspath(path) for path in used}
    groups: dict[tuple[str, str], list[str]] = {}
    for root, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            ending = next((e for e in VOLUME_ENDINGS if name.lower().endswith(e)), Path(name).suffix.lower())
            if name.startswith(".") or ending in _TEXTS or not ending:
                continue
            if os.path.abspath(os.path.join(root, name)) not in taken:
                groups.setdefault((os.path.relpath(root, source), ending), []).append(name)
    return [
        f"not converted: {len(names)} {ending} files in {'SOURCE' if folder == '.' else folder} ({some(names)}): "
        + ("not part of a case" if ending in IMAGE_ENDINGS + VOLUME_ENDINGS else "this ending is not read")
        for (folder, ending), names in sorted(groups.items())
    ]
