"""Finding 2D images that are (nearly) the same, such as two frames of one scan.

Two images are near-duplicates if one of two perceptual hashes is close and the pixels correlate. The hashes
find candidates that differ in brightness or a caliper mark; the correlation drops those that only look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

DHASH_DISTANCE = 30  # of 256 bits
PHASH_DISTANCE = 6  # of 64 bits
CORRELATION = 0.9
RULE = (
    f"near-duplicates: (16x16 dHash distance <= {DHASH_DISTANCE} or 8x8 pHash distance <= {PHASH_DISTANCE}) "
    f"and correlation of the 64x64 grey images > {CORRELATION}"
)
_ROWS = 512  # rows of the comparison at a time: N x N tables do not fit for large N


def near_duplicates(
    images: dict[str, Path], *, workers: int = 1, progress: Callable[[int], None] = lambda done: None
) -> list[tuple[str, str]]:
    """Sorted pairs of near-duplicates among images by name.

    Args:
        workers: threads that read images.
        progress: called with the number of images read so far.
    """
    names = sorted(images)
    if len(names) < 2:
        return []
    with ThreadPoolExecutor(workers) as pool:
        features = []
        for feature in pool.map(_features, [images[name] for name in names]):
            features.append(feature)
            progress(len(features))
    # (N, 256), (N, 64), (N, 4096)
    dhash, phash, grey = (np.stack(column) for column in zip(*features, strict=True))
    pairs = []
    for start in range(0, len(names), _ROWS):
        rows = slice(start, start + _ROWS)
        close = (_distance(dhash[rows], dhash) <= DHASH_DISTANCE) | (_distance(phash[rows], phash) <= PHASH_DISTANCE)
        found = np.argwhere(close & (grey[rows] @ grey.T > CORRELATION))
        pairs += [(names[start + i], names[j]) for i, j in found if start + i < j]
    return sorted(pairs)


def _features(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bits of both hashes as -1/1, and the 64x64 grey image with mean 0 and length 1 (0 if constant)."""
    import imagehash

    image = Image.open(path)
    if image.mode.startswith("I"):  # 16 bit
        pixels = np.asarray(image, dtype=np.float32)
        image = Image.fromarray((pixels * (255 / max(pixels.max(), 1))).astype(np.uint8))
    image = image.convert("L")
    small = np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS), dtype=np.float32).ravel()
    small = small - small.mean()
    length = float(np.linalg.norm(small))
    hashes = (imagehash.dhash(image, hash_size=16), imagehash.phash(image, hash_size=8))
    bits = (np.where(found.hash.ravel(), 1, -1).astype(np.float32) for found in hashes)
    return (*bits, small / length if length else small)


def _distance(rows: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Hamming distances of -1/1 vectors: (R, B), (N, B) -> (R, N)."""
    return (bits.shape[1] - rows @ bits.T) / 2
