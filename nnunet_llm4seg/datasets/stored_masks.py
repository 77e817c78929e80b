"""A mask as its file stores it, before it is decided what is foreground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.images import loaded, scaled


@dataclass(frozen=True)
class StoredMask:
    """The pixels of a mask's file, upright by its EXIF orientation, without alpha.

    Attributes:
        pixels: (H, W) values or palette indices, or (H, W, 3) uint8 colours.
        palette: (N, 3) uint8; None if the file has none.
        lossy: JPEG, where values near 0 are noise.
        one: the value of a stored 1 in `pixels`: Pillow scales 2 and 4 bit to 0 ... 255.
        turned: whether EXIF turned it.
    """

    path: Path
    pixels: np.ndarray
    palette: np.ndarray | None
    lossy: bool
    one: int
    turned: bool

    def colours(self) -> np.ndarray:
        """(H, W, 3): the colours of a palette; equal channels for grey values."""
        if self.palette is not None:
            return self.palette[self.pixels]
        return self.pixels if self.pixels.ndim == 3 else np.repeat(self.pixels[..., None], 3, axis=2)

    def values(self) -> np.ndarray | None:
        """(H, W): stored values, palette indices, or equal channels; None for other colours."""
        if self.pixels.ndim == 2:
            return self.pixels // self.one if self.one > 1 else self.pixels
        grey = self.pixels[..., 0]
        return grey if (self.pixels == grey[..., None]).all() else None


def stored_mask(path: Path) -> StoredMask:
    """Read a mask's file.

    Raises:
        DatasetError: the file cannot be read or has several frames.
    """
    image, file_format, bits, turned = loaded(path, merged=_eight_bits)
    palette = None
    if image.mode == "P":
        colours = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        palette = np.zeros((256, 3), dtype=np.uint8)  # beyond its end, a short palette is black
        palette[: len(colours)] = colours
    elif image.mode == "LA":
        image = image.convert("L")
    elif image.mode not in ("1", "L", "F") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    one = 255 // (2**bits - 1) if image.mode == "L" and bits < 8 else 1
    return StoredMask(path, pixels, palette, file_format in ("JPEG", "MPO"), one, turned)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """16-bit colours, (H, W, 3) uint16, as uint8; values up to 255 are kept, larger ones are scaled."""
    return pixels.astype(np.uint8) if pixels.max() <= 255 else scaled(pixels)
