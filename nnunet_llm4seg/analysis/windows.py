"""The patch of a case that is analysed: chosen by the mask alone, so that every arm sees the same one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def lesion_window(image: np.ndarray, mask: np.ndarray, patch_size: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Cut out the patch around the mask: shifted into the image if it is large enough, else padded.

    The patch is centred on the mask's bounding box, or on the image if the mask is empty. With a 2D patch and a
    volume, the slice with the most foreground is used, or the middle one if there is none. Padding is 0, as nnU-Net
    pads.

    Args:
        image: Preprocessed, (channels, z, y, x); z is 1 for a 2D image.
        mask: Foreground, (z, y, x), boolean.
        patch_size: (y, x) or (z, y, x).

    Returns:
        Image (channels, *patch_size) in float32, and mask (*patch_size).
    """
    if len(patch_size) == 2:
        areas = mask.sum((1, 2))
        chosen = int(areas.argmax()) if areas.any() else len(mask) // 2
        image, mask = image[:, chosen], mask[chosen]
    spans, padding = [], []
    for axis, size in enumerate(patch_size):
        length = mask.shape[axis]
        start = min(max(0, _centre(mask, axis) - size // 2), max(0, length - size))
        spans.append(slice(start, min(start + size, length)))
        missing = max(0, size - length)
        padding.append((missing // 2, missing - missing // 2))
    image = np.pad(image[tuple([slice(None), *spans])], [(0, 0), *padding]).astype(np.float32)
    return image, np.pad(mask[tuple(spans)], padding)


def _centre(mask: np.ndarray, axis: int) -> int:
    """Middle of the mask's bounding box along an axis; of the image if the mask is empty."""
    others = tuple(other for other in range(mask.ndim) if other != axis)
    hit = np.flatnonzero(mask.any(others))
    return int(hit[0] + hit[-1] + 1) // 2 if len(hit) else mask.shape[axis] // 2
