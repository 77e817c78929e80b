"""Reading 2D images as people publish them, and resizing them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from nnunet_llm4seg.errors import DatasetError

SCALED = "16-bit colour images were scaled to 8 bit"
TURNED = "images were turned upright, as their EXIF orientation says"
EQUAL = "colour images have three equal channels; with --grey they become one"

_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")


def is_grey(path: Path) -> bool:
    """Whether the file stores one channel (and perhaps alpha) or a palette of greys alone.

    Raises:
        DatasetError: the file cannot be read.
    """
    with _opened(path) as image:
        if image.mode != "P":
            return image.mode in _GREY_MODES
        try:
            red, green, blue = np.array(image.getpalette("RGB")).reshape(-1, 3).T
        except Exception as error:
            raise _unreadable(path, error) from error
        return np.array_equal(red, green) and np.array_equal(green, blue)


def read_image(path: Path, *, colour: bool) -> tuple[np.ndarray, list[str]]:
    """An image's pixels, upright by its EXIF orientation, without alpha.

    Returns:
        (H, W, 3) uint8 if `colour`, else (H, W) uint8 or, if the file has 16 bit, uint16; and notices.
        Colours become grey by the weights of ITU-R 601, equal channels unchanged.

    Raises:
        DatasetError: the file cannot be read, has several frames, or has neither 8 nor 16 bit.
    """
    image, _, bits, turned = loaded(path, merged=scaled)
    notices = [SCALED] if bits == 16 and image.mode == "RGB" else []
    if turned:
        notices.append(TURNED)
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise DatasetError(
                f"{path} holds values from {pixels.min()} to {pixels.max()}; save it with 8 or 16 bit without sign, "
                "so 0 to 65535, and start again."
            )
        if not colour:
            return pixels.astype(np.uint16), notices
        image = Image.fromarray(scaled(pixels))
        notices.append(SCALED)
    if image.mode == "F":
        raise DatasetError(f"{path} holds floating-point values; save it with 8 or 16 bit and start again.")
    if image.mode not in _GREY_MODES:
        image = image.convert("RGB")
    return np.array(image.convert("RGB" if colour else "L")), notices


def resized(pixels: np.ndarray, size: tuple[int, int], *, nearest: bool = False) -> np.ndarray:
    """Resize to (H, W): images bicubic, labels `nearest`; unchanged if they already have that size."""
    if pixels.shape[:2] == size:
        return pixels
    width_first = size[::-1]  # Pillow's order
    if nearest:
        return np.asarray(Image.fromarray(pixels).resize(width_first, Image.Resampling.NEAREST))
    if pixels.dtype == np.uint16:
        # as float, because older versions of Pillow cannot resize 16 bit
        deep = Image.fromarray(pixels.astype(np.float32)).resize(width_first, Image.Resampling.BICUBIC)
        return np.clip(np.rint(np.asarray(deep)), 0, 65535).astype(np.uint16)
    return np.asarray(Image.fromarray(pixels).resize(width_first, Image.Resampling.BICUBIC))


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except Exception as error:
        raise _unreadable(path, error) from error


def loaded(path: Path, *, merged: Callable[[np.ndarray], np.ndarray]) -> tuple[Image.Image, str, int, bool]:
    """The upright image, its file format, how many bits a stored sample has, and whether EXIF turned it.

    Args:
        merged: converts 16-bit colours, (H, W, 3) uint16, to what Pillow can represent.

    Raises:
        DatasetError: the file cannot be read or has several frames.
    """
    with _opened(path) as image:
        try:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # a camera's JPEG with a preview as second frame
                raise DatasetError(f"{path} holds {frames} frames; save it as one 2D image and start again.")
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            upright = ImageOps.exif_transpose(image)
            bits, channels = _depth(path, image)
            if bits == 16 and channels > 1:  # Pillow silently dropped the lower 8
                deep = _all_16_bits(path, merged)
                deep.getexif()[ExifTags.Base.Orientation] = orientation
                upright = ImageOps.exif_transpose(deep)
            return upright, image.format or "", bits, orientation in range(2, 9)
        except DatasetError:
            raise
        except Exception as error:
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DatasetError:
    reason = f"{error}".replace(repr(str(path)), "it").rstrip(".") or type(error).__name__
    return DatasetError(f"{path} cannot be read as an image ({reason}); replace the file and start again.")


def _depth(path: Path, image: Image.Image) -> tuple[int, int]:
    """Bits of a stored sample, and samples of a pixel (one of a palette)."""
    if image.format == "PNG":
        with path.open("rb") as file:
            header = file.read(26)  # signature, then IHDR: width, height, bit depth, colour type
        return header[24], {2: 3, 4: 2, 6: 4}.get(header[25], 1)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        depths = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        return depths[0], len(depths)
    return 8, len(image.getbands())


def _all_16_bits(path: Path, merged: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """Grey as it is (mode I;16), colours as `merged`; no alpha."""
    import SimpleITK

    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))  # (H, W, C) uint16
    grey = pixels.shape[-1] == 2
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if grey else merged(pixels[..., :3]))


def scaled(pixels: np.ndarray) -> np.ndarray:
    """16 bit to 8."""
    return np.rint(pixels / 257).astype(np.uint8)  # 65535 -> 255
