"""A picture of a few cases with their labels in colour, so that an inverted or shifted mask is seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from nnunet_llm4seg.datasets.case_runs import Cases
from nnunet_llm4seg.datasets.case_writer import pixels
from nnunet_llm4seg.datasets.found import Found
from nnunet_llm4seg.datasets.volumes import label_voxels, read_volume
from nnunet_llm4seg.files import written_whole

CASES = 12
FILE = "contact_sheet.png"
_COLUMNS, _SIDE, _TEXT = 4, 240, 16  # tiles per row; pixels of a tile and of the line of text above it
# colours that people with any colour vision can distinguish (Okabe and Ito 2008), repeated beyond eight labels
_COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)]
)


def evenly(names: Sequence[str]) -> list[str]:
    """Up to `CASES` names, spread over all."""
    return [names[n * len(names) // CASES] for n in range(CASES)] if len(names) > CASES else list(names)


def draw(tiles: Sequence[tuple[str, np.ndarray, np.ndarray]], path: Path) -> None:
    """Write a sheet.

    Args:
        tiles: a name, the image ((H, W) or (H, W, 3), any type) and the label (H, W) of each case.
    """
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _SIDE, rows * (_SIDE + _TEXT)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, image, label) in enumerate(tiles):
        left, top = number % _COLUMNS * _SIDE, number // _COLUMNS * (_SIDE + _TEXT)
        pen.text((left + 2, top + 2), name[:36], fill="black")
        tile = Image.fromarray(_overlay(image, label))
        if (factor := (_SIDE - 4) // max(tile.size)) > 1:
            tile = tile.resize((factor * tile.width, factor * tile.height), Image.Resampling.NEAREST)
        tile.thumbnail((_SIDE - 4, _SIDE - 4))
        sheet.paste(tile, (left + 2, top + _TEXT))
    with written_whole(path) as temporary:
        sheet.save(temporary, format="PNG")


def fullest_slice(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The axial slice of (x, y, z) volumes with the most foreground, upright: (H, W) each."""
    z = int(np.argmax((label > 0).sum(axis=(0, 1)))) if label.any() else label.shape[2] // 2
    return np.rot90(image[:, :, z]), np.rot90(label[:, :, z])


def _overlay(image: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The image in its own range with labels half transparent: (H, W, 3) uint8."""
    values = image.astype(np.float64)
    if image.dtype != np.uint8:
        low, high = np.percentile(values, (1, 99))
        values = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
    colours = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
    foreground = label > 0
    colours[foreground] = 0.5 * colours[foreground] + 0.5 * _COLOURS[(label[foreground] - 1) % len(_COLOURS)]
    return colours.astype(np.uint8)


def sheet_of(found: Found, cases: Cases, folder: Path) -> Path:
    """Write the sheet of a data set beside its folder; returns its path."""
    training = {name for name, case in found.named() if not case.test and case.masks}
    tiles = []
    for name in evenly([name for name in cases.files if name in training]):
        files = cases.files[name]
        if found.volumes:
            image, label = fullest_slice(read_volume(files.images[0]).voxels, label_voxels(files.label))
        else:
            image, label = pixels(files.images[0]), pixels(files.label)
        tiles.append((name, image, label))
    path = folder.with_name(f"{folder.name}_{FILE}")
    draw(tiles, path)
    return path
