"""Surfaces of two masks and the distances between them, with numpy and scipy alone, so that a process stays small.

What is measured is what MONAI and DeepMind's surface-distance measure (docs/statistics.md); tests compare with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np

# Slightly more than the tolerance: which distances are within it is decided afterwards, in float32.
_MARGIN = 1 + 1e-5


def hd95(first: np.ndarray, second: np.ndarray, spacing: Sequence[float]) -> float:
    """The larger of the two directed 95th percentiles of the distances between the masks' boundary voxels."""
    edges = boundary(first), boundary(second)
    return max(_percentile95(part) for part in _distances(edges[0], edges[1], spacing))


def _percentile95(distances: np.ndarray) -> float:
    """Interpolated in float32 like MONAI's, so that values do not differ from those of earlier reports."""
    values = distances.astype(np.float32)
    rank = float(np.float32(0.95)) * (len(values) - 1)
    below = int(rank)
    above = min(below + 1, len(values) - 1)
    ordered = np.partition(values, [below, above])
    low, high = ordered[below], ordered[above]
    return float(high - (high - low) * np.float32(1 - (rank - below)))


def surface_dice(first: np.ndarray, second: np.ndarray, spacing: Sequence[float], tolerance: float) -> float:
    """The share of both surfaces, on sub-voxel elements, that is within `tolerance` of the other one."""
    codes = _codes(first), _codes(second)
    areas = _areas(tuple(spacing))
    edges = [(code != 0) & (code != len(areas) - 1) for code in codes]
    distances = _distances(edges[0], edges[1], spacing, tolerance)
    near = total = 0.0
    for code, edge, distance in zip(codes, edges, distances, strict=True):
        of_element = areas[code[edge]]
        near += float(of_element[distance.astype(np.float32) <= np.float32(tolerance)].sum())
        total += float(of_element.sum())
    return near / total


def boundary(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask that have a neighbour, by a face, outside the mask or the image."""
    inside = mask.copy()
    padded = np.pad(mask, 1)
    for axis in range(mask.ndim):
        for start in (0, 2):
            shifted = [slice(1, -1)] * mask.ndim
            shifted[axis] = slice(start, start + mask.shape[axis])
            inside &= padded[tuple(shifted)]
    return mask & ~inside


def _distances(
    first: np.ndarray, second: np.ndarray, spacing: Sequence[float], bound: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each point of one set to the nearest of the other, both ways; infinite if it is above `bound`.

    Args:
        first, second: points as bool arrays of one shape, none of them empty.
    """
    from scipy.spatial import cKDTree

    shared = first & second
    points = [np.argwhere(array) * np.asarray(spacing, float) for array in (first, second)]
    alone = [~shared[array] for array in (first, second)]  # all others are at the distance 0
    result = []
    for i, other in ((0, 1), (1, 0)):
        distance = np.zeros(len(points[i]))
        if alone[i].any():
            # Only queried once, so that a balanced tree would cost more than it saves.
            tree = cKDTree(points[other], balanced_tree=False, compact_nodes=False)
            limit = bound * _MARGIN + np.finfo(float).tiny if np.isfinite(bound) else np.inf
            distance[alone[i]] = tree.query(points[i][alone[i]], distance_upper_bound=limit)[0]
        result.append(distance)
    return result[0], result[1]


def _codes(mask: np.ndarray) -> np.ndarray:
    """Which corners of each neighbourhood of 2x2(x2) voxels are in the mask, a bit each; one more along each axis."""
    padded = np.pad(mask, 1).view(np.uint8)
    shape = tuple(size + 1 for size in mask.shape)
    codes = np.zeros(shape, np.uint8)
    for bit, corner in enumerate(product((0, 1), repeat=mask.ndim)):
        at = tuple(slice(start, start + size) for start, size in zip(corner, shape, strict=True))
        codes |= padded[at] << np.uint8(bit)
    return codes


@lru_cache(maxsize=64)
def _areas(spacing: tuple[float, ...]) -> np.ndarray:
    """Surface area (3D) or contour length (2D) in a neighbourhood, by its code."""
    if len(spacing) == 2:
        return np.array([_length(code, spacing) for code in range(16)])
    scale = np.array([spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]])
    return np.array([np.linalg.norm(normals * scale, axis=1).sum() for normals in _triangles()])


def _length(code: int, spacing: tuple[float, ...]) -> float:
    """Length of the contour between four pixels, whose corners are cut at half the pixels' distance."""
    corners = [code >> bit & 1 for bit in range(4)]  # (0, 0), (0, 1), (1, 0), (1, 1)
    diagonal = float(np.linalg.norm(spacing)) / 2
    if sum(corners) in (1, 3):
        return diagonal
    if sum(corners) != 2:
        return 0.0
    if corners[0] == corners[1]:
        return float(spacing[1])
    return float(spacing[0]) if corners[0] == corners[2] else 2 * diagonal


@lru_cache(maxsize=1)
def _triangles() -> list[np.ndarray]:
    """Marching cubes in a neighbourhood: for each code the area vectors of its triangles (T, 3), for unit spacing.

    Nikolov et al. take the surface of the corners inside, or of those outside if these are fewer.
    """
    from skimage.measure import marching_cubes

    found = []
    for code in range(256):
        inside = np.array([code >> bit & 1 for bit in range(8)], bool).reshape(2, 2, 2)
        if inside.sum() > 4:
            inside = ~inside
        if not inside.any():
            found.append(np.zeros((0, 3)))
            continue
        vertices, faces, _, _ = marching_cubes(inside.astype(float), 0.5, method="lorensen")
        a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
        found.append(np.cross(b - a, c - a) / 2)
    return found
