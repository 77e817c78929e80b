"""The slice of a case that the report shows, kept (compressed) from measuring on, so that no file is read twice."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Slice:
    """Label maps of one slice (H, W), compressed.

    Attributes:
        shape: (H, W).
        packed: label maps by `reference`, `baseline` and `candidate`.
        index: of the slice in its volume (D, H, W); None for a 2D image.
        depth: number of slices of the volume; 1 for a 2D image.
        aspect: height of a pixel divided by its width.
    """

    shape: tuple[int, ...]
    packed: dict[str, bytes]
    index: int | None
    depth: int
    aspect: float

    def maps(self) -> dict[str, np.ndarray]:
        """Label maps (H, W) by name."""
        return {
            name: np.frombuffer(zlib.decompress(content), np.int32).reshape(self.shape)
            for name, content in self.packed.items()
        }


def telling_slice(
    reference: np.ndarray,
    baseline: np.ndarray,
    candidate: np.ndarray,
    foreground: Sequence[int],
    spacing: Sequence[float],
) -> Slice:
    """The whole 2D image, or the slice of a volume in which the two predictions differ most.

    If they are equal everywhere, the slice with the most foreground in the reference.
    """
    maps = {"reference": reference, "baseline": baseline, "candidate": candidate}
    index, depth, aspect = None, 1, 1.0
    if reference.ndim == 3:
        changed = (baseline != candidate).sum((1, 2))
        index = int((changed if changed.any() else np.isin(reference, foreground).sum((1, 2))).argmax())
        depth, aspect = len(reference), spacing[1] / spacing[2]
        maps = {name: array[index] for name, array in maps.items()}
    packed = {name: zlib.compress(np.ascontiguousarray(a, np.int32).tobytes(), 1) for name, a in maps.items()}
    return Slice(maps["reference"].shape, packed, index, depth, aspect)
