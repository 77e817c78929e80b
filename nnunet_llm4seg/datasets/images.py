"""Reading 2D images and masks as people publish them, and resizing them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from nnunet_llm4seg.errors import DatasetError

SCALED = "16-bit colour images were scaled to 8 bit"
INVERTED = "masks have an inverted palette (index 0 is bright); they were decoded by colour"
FAINT = "masks have values above 1 but none above 127 (32767 where values go beyond 255); they became empty"
FITTED = "masks had another size than their image; they were resized to it"

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
        (H, W, 3) uint8 if `colour`, else (H, W) uint8 or, where the file has 16 bit, uint16; and notices.
        Colours become grey by the weights of ITU-R 601, equal channels unchanged.

    Raises:
        DatasetError: the file cannot be read, has several frames, or holds neither 8 nor 16 bit.
    """
    image, _, bits = _loaded(path, merged=_scaled)
    notices = [SCALED] if bits == 16 and image.mode == "RGB" else []
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise DatasetError(f"{path} holds 32-bit values; save it with 8 or 16 bit and start again.")
        if not colour:
            return pixels.astype(np.uint16), notices
        image = Image.fromarray(_scaled(pixels))
        notices.append(SCALED)
    if image.mode == "F":
        raise DatasetError(f"{path} holds floating-point values; save it with 8 or 16 bit and start again.")
    if image.mode not in _GREY_MODES:
        image = image.convert("RGB")
    return np.array(image.convert("RGB" if colour else "L")), notices


def read_mask(path: Path) -> tuple[np.ndarray, list[str]]:
    """A mask as (H, W) bool, and notices.

    Foreground is 1, as stored, in files whose maximum is 1 or less, else whatever is above 127 (32767 if the
    values go beyond 255); colours, those of a palette too, count by their brightest channel. JPEG files, where 1 is
    noise, always follow the second rule.

    Raises:
        DatasetError: the file cannot be read or has several frames.
    """
    image, file_format, bits = _loaded(path, merged=lambda pixels: pixels.max(axis=2))
    notices = []
    if image.mode == "P" and _inverted_palette(image):
        notices.append(INVERTED)
    if image.mode == "LA":
        image = image.convert("L")
    elif image.mode not in ("1", "L", "F") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    highest = pixels.max()
    one = 255 // (2**bits - 1) if image.mode == "L" and bits < 8 else 1  # what Pillow makes of a stored 1
    if highest <= one and file_format not in ("JPEG", "MPO"):
        return pixels == one, notices
    mask = pixels > (127 if highest <= 255 else 32767)
    if highest > 1 and not mask.any():
        notices.append(FAINT)
    return mask, notices


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to (H, W): images bicubic, bool masks nearest; unchanged if they have that size already."""
    if pixels.shape[:2] == size:
        return pixels
    width_first = size[::-1]  # as Pillow counts
    if pixels.dtype == bool:
        small = Image.fromarray(pixels.astype(np.uint8)).resize(width_first, Image.Resampling.NEAREST)
        return np.asarray(small) > 0
    if pixels.dtype == np.uint16:
        # as float, since older Pillows cannot resize 16 bit
        deep = Image.fromarray(pixels.astype(np.float32)).resize(width_first, Image.Resampling.BICUBIC)
        return np.clip(np.rint(np.asarray(deep)), 0, 65535).astype(np.uint16)
    return np.asarray(Image.fromarray(pixels).resize(width_first, Image.Resampling.BICUBIC))


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except Exception as error:
        raise _unreadable(path, error) from error


def _loaded(path: Path, *, merged: Callable[[np.ndarray], np.ndarray]) -> tuple[Image.Image, str, int]:
    """The upright image, its file format, and how many bits a stored sample has.

    Args:
        merged: makes colours of 16 bit, (H, W, 3) uint16, into what Pillow can hold.
    """
    with _opened(path) as image:
        try:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # a camera's JPEG with a preview as second frame
                raise DatasetError(f"{path} holds {frames} frames; save it as one 2D image and start again.")
            upright = ImageOps.exif_transpose(image)
            bits, channels = _depth(path, image)
            if bits == 16 and channels > 1:  # Pillow silently cut the lower 8
                deep = _all_16_bits(path, merged)
                deep.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
                upright = ImageOps.exif_transpose(deep)
            return upright, image.format, bits
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
    if image.format == "TIFF":
        depths = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        return depths[0], len(depths)
    return 8, len(image.getbands())


def _all_16_bits(path: Path, merged: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """Grey as it is (mode I;16), colours as `merged`; no alpha."""
    import SimpleITK

    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))  # (H, W, C) uint16
    grey = pixels.shape[-1] == 2
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if grey else merged(pixels[..., :3]))


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels / 257).astype(np.uint8)  # 65535 -> 255


def _inverted_palette(image: Image.Image) -> bool:
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3).max(axis=1)
    used = [index for _, index in image.getcolors(256) if index < len(palette)]
    return palette[0] > 127 and any(palette[index] <= 127 for index in used)
