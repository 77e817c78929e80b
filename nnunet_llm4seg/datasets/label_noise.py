"""Mistakes of annotators, made on purpose: labels that are too small, too large, misplaced or missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnunet_llm4seg.errors import ConfigError, nearest

_LARGEST = 1000  # pixels


@dataclass(frozen=True)
class LabelNoise:
    """One kind of mistake.

    Attributes:
        kind: A key of `KINDS`.
        strength: Pixels of the finest axis; for `dropped` the probability, above 0 and at most 1.
    """

    kind: str
    strength: float

    @classmethod
    def parse(cls, text: str) -> LabelNoise:
        """The mistake that `KIND:STRENGTH` names.

        Raises:
            ConfigError: there is no such kind, or its strength is not allowed.

        Example:
            >>> LabelNoise.parse("eroded:2")
            LabelNoise(kind='eroded', strength=2.0)
        """
        kind, _, number = text.partition(":")
        if kind not in KINDS:
            raise ConfigError(f"label noise: {text!r}: there is no kind {kind!r}{nearest(kind, KINDS)}")
        try:
            strength = float(number)
        except ValueError:
            strength = float("nan")
        low, high = (0, 1) if kind == "dropped" else (1, _LARGEST)
        if not low <= strength <= high or not strength:
            allowed = "a probability above 0, at most 1" if kind == "dropped" else f"{low} to {high} pixels"
            raise ConfigError(
                f"label noise: {text!r} is not allowed; {kind} takes {allowed}, such as {KINDS[kind][1]}."
            )
        return cls(kind, strength)

    def __str__(self) -> str:
        return f"{self.kind}:{self.strength:g}"

    def apply(self, label: np.ndarray, spacing: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
        """A label map with the mistake.

        Args:
            label: (H, W) or (D, H, W), 0 is background.
            spacing: Of its axes; lengths are counted in pixels of the finest axis.
        """
        steps = np.asarray(spacing) / min(spacing)
        return KINDS[self.kind][0](label, self.strength, steps, rng)


def _eroded(label: np.ndarray, strength: float, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is within `strength` of a class's rim becomes background."""
    from scipy.ndimage import distance_transform_edt

    kept = np.zeros_like(label)
    for value in _classes(label):
        kept[distance_transform_edt(label == value, sampling=steps) > strength] = value
    return kept


def _dilated(label: np.ndarray, strength: float, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Background within `strength` of foreground becomes the nearest class."""
    from scipy.ndimage import distance_transform_edt

    if not label.any():
        return label.copy()
    distance, where = distance_transform_edt(label == 0, sampling=steps, return_indices=True)
    return np.where(distance <= strength, label[tuple(where)], label)


def _shifted(label: np.ndarray, strength: float, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The whole label moves in a random direction within the axes of fine spacing; what leaves the image is lost."""
    fine = steps < 1.5
    direction = np.where(fine, rng.normal(size=label.ndim), 0.0)
    offsets = np.rint(strength * direction / np.linalg.norm(direction)).astype(int)
    moved = np.zeros_like(label)
    ranges = [(max(0, offset), min(size, size + offset)) for offset, size in zip(offsets, label.shape, strict=True)]
    if all(begin < end for begin, end in ranges):
        target = tuple(slice(begin, end) for begin, end in ranges)
        origin = tuple(slice(b - offset, e - offset) for (b, e), offset in zip(ranges, offsets, strict=True))
        moved[target] = label[origin]
    return moved


def _dropped(label: np.ndarray, strength: float, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each connected region of a class becomes background with probability `strength`."""
    from scipy.ndimage import label as regions

    kept = label.copy()
    for value in _classes(label):
        found, count = regions(label == value, np.ones((3,) * label.ndim))
        gone = np.concatenate([[False], rng.uniform(size=count) < strength])
        kept[gone[found]] = 0
    return kept


def _classes(label: np.ndarray) -> list[int]:
    return [value for value in np.unique(label).tolist() if value]


Mistake = Callable[[np.ndarray, float, np.ndarray, np.random.Generator], np.ndarray]
# with an example
KINDS: dict[str, tuple[Mistake, str]] = {
    "eroded": (_eroded, "eroded:2"),
    "dilated": (_dilated, "dilated:2"),
    "shifted": (_shifted, "shifted:4"),
    "dropped": (_dropped, "dropped:0.3"),
}
