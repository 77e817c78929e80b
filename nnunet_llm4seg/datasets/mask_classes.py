"""Telling several classes in a mask from soft or antialiased edges of one."""

from __future__ import annotations

import numpy as np

# Two values this close may be one value and its noise.
_NEAR = 24
# An image with more values than this contains soft edges or noise beside its classes ...
_FEW = 16
# ... and then a value counts as a class only from this share of the pixels on.
_LEAST_SHARE = 1e-3


def separate_values(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The values, or colours, that make up regions of their own: one or two for a mask of one class.

    A value counts if most of its pixels are in uniform squares of 2x2 pixels, or if most are not between darker and
    brighter neighbours, as pixels of antialiased edges are. Noise around a value (a JPEG file saved again) and soft
    edges are not counted.

    Args:
        pixels: (H, W), or (H, W, C) with values up to 255.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    found, codes, counts = _unique(pixels)
    if len(found) <= 2:
        return [tuple(value) for value in found.tolist()]
    flat_share = np.bincount(codes.ravel(), _flat(codes).ravel(), len(found)) / counts
    regions = flat_share >= 0.5
    jumps = np.abs(np.diff(pixels.astype(np.int64), axis=1)).reshape(len(pixels), -1)
    if len(found) > 4 * _FEW and np.median(jumps[jumps > 0]) <= 8:  # a soft map: values change in small steps
        return []
    noisy = not regions.all() and len(found) > _FEW
    regions &= counts >= (_LEAST_SHARE * codes.size if noisy else 1)
    if noisy:
        kept: list[int] = []
        for index in np.flatnonzero(regions)[np.argsort(-counts[regions])].tolist():
            if all(np.abs(found[index] - found[other]).max() > _NEAR for other in kept):
                kept.append(index)
    else:
        kept = np.flatnonzero(regions).tolist()
    if not regions.all() and len(found) <= 8 * _FEW:
        own = np.bincount(codes.ravel(), ~_between(pixels).ravel(), len(found)) / counts
        for index in np.flatnonzero(
            ~regions & (own >= 0.5) & (counts >= (_LEAST_SHARE * codes.size if noisy else 4))
        ).tolist():
            if all(np.abs(found[index] - found[other]).max() > _NEAR for other in kept):
                kept.append(index)
    return sorted(tuple(found[index].tolist()) for index in kept)


def _unique(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (N, C), their indices (H, W) and counts (N,)."""
    if pixels.ndim == 2:
        if pixels.dtype == np.uint8:
            counts = np.bincount(pixels.ravel(), minlength=256)
            found = np.flatnonzero(counts)
            return found[:, None], (np.cumsum(counts > 0) - 1)[pixels], counts[found]
        found, codes, counts = np.unique(pixels, return_inverse=True, return_counts=True)
        return found[:, None], codes.reshape(pixels.shape), counts
    packed = pixels.astype(np.int64) @ np.array([65536, 256, 1])
    values, codes, counts = np.unique(packed, return_inverse=True, return_counts=True)
    return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1), codes.reshape(packed.shape), counts


def _flat(codes: np.ndarray) -> np.ndarray:
    """Whether a pixel is in a uniform square of 2x2: (H, W) bool."""
    here = codes[:-1, :-1]
    uniform = (here == codes[1:, :-1]) & (here == codes[:-1, 1:]) & (here == codes[1:, 1:])
    flat = np.zeros(codes.shape, dtype=bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            flat[rows, columns] |= uniform
    return flat


def _between(pixels: np.ndarray) -> np.ndarray:
    """Whether a pixel has both darker and brighter ones within two pixels, in any channel: (H, W) bool."""
    from scipy.ndimage import maximum_filter, minimum_filter

    channels = pixels[..., None] if pixels.ndim == 2 else pixels
    size = (5, 5, 1)
    inside = (minimum_filter(channels, size) < channels) & (channels < maximum_filter(channels, size))
    return inside.any(axis=2)
