"""Finding 2D images that are (nearly) the same, such as two frames of one scan.

Two images are near-duplicates if one of two perceptual hashes is close and the pixels correlate, before and after what
the whole data set has in common (a round field of view, a black border) is subtracted. The hashes find candidates that
differ in brightness or a caliper mark; the correlations drop those that only look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

DHASH_DISTANCE = 30  # of 256 bits
PHASH_DISTANCE = 6  # of 64 bits
CORRELATION = 0.9
# False pairs of several data sets reach 0.61, true ones begin at 0.70.
OWN_CORRELATION = 0.65
FEWEST_FOR_A_MEAN = 10  # with fewer images, their mean is not what the data set has in common
RULE = (
    f"near-duplicates: (16x16 dHash distance <= {DHASH_DISTANCE} or 8x8 pHash distance <= {PHASH_DISTANCE}) "
    f"and correlation of the 64x64 grey images > {CORRELATION}, and > {OWN_CORRELATION} after subtracting the mean of "
    f"the data set's other images (from {FEWEST_FOR_A_MEAN} images on)"
)
_SIDE = 64
_ROWS = 512  # rows compared at a time: for large N, N x N tables do not fit in memory
_SAME = 1e-4  # remaining length of an image of length 1 that equals what the data set has in common


class Features(NamedTuple):
    """The parts of an image that are compared: bits of both hashes as -1/1, and the 64x64 grey image.

    The grey image has mean 0 and length 1 (0 if constant). Shapes: (256,), (64,), (4096,), all float32.
    """

    dhash: np.ndarray
    phash: np.ndarray
    grey: np.ndarray


@dataclass(frozen=True)
class NearDuplicates:
    """Sorted pairs of names, and how many more pairs share only what the whole data set has in common."""

    pairs: list[tuple[str, str]]
    alike: int = 0


def features(pixels: np.ndarray) -> Features:
    """Features of an image: (H, W) uint8 or uint16, or (H, W, 3) uint8."""
    import imagehash

    if pixels.dtype == np.uint16:
        pixels = (pixels.astype(np.float32) * (255 / max(int(pixels.max()), 1))).astype(np.uint8)
    image = Image.fromarray(pixels).convert("L")
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.float32).ravel()
    small = small - small.mean()
    length = float(np.linalg.norm(small))
    found = imagehash.dhash(image, hash_size=16), imagehash.phash(image, hash_size=8)
    dhash, phash = (np.where(each.hash.ravel(), 1, -1).astype(np.float32) for each in found)
    return Features(dhash, phash, small / length if length else small)


def near_duplicates(images: Mapping[str, Features]) -> NearDuplicates:
    """Near-duplicates among images by name."""
    names = sorted(images)
    if len(names) < 2:
        return NearDuplicates([])
    # (N, 256), (N, 64), (N, 4096)
    dhash, phash, grey = (np.stack(column) for column in zip(*(images[name] for name in names), strict=True))
    total = grey.sum(axis=0, dtype=np.float64)
    pairs, alike = [], 0
    for start in range(0, len(names), _ROWS):
        rows = slice(start, start + _ROWS)
        close = (_distance(dhash[rows], dhash) <= DHASH_DISTANCE) | (_distance(phash[rows], phash) <= PHASH_DISTANCE)
        for row, j in np.argwhere(close & (grey[rows] @ grey.T > CORRELATION)):
            if (i := start + row) >= j:
                continue
            if len(names) < FEWEST_FOR_A_MEAN or _own_correlation(grey[i], grey[j], total, len(names)):
                pairs.append((names[i], names[j]))
            else:
                alike += 1
    return NearDuplicates(sorted(pairs), alike)


def _own_correlation(first: np.ndarray, second: np.ndarray, total: np.ndarray, images: int) -> bool:
    """Whether two images correlate after the mean of all others is subtracted, or are the same as all others."""
    others = (total - first - second) / (images - 2)
    first, second = first - others, second - others
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if max(lengths) < _SAME:
        return True
    return bool(first @ second > OWN_CORRELATION * lengths[0] * lengths[1])


def _distance(rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Hamming distances of -1/1 vectors: (R, B), (N, B) -> (R, N)."""
    return (bits.shape[1] - rows @ bits.T) / 2
