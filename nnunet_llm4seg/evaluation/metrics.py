"""Overlap, surface, volume and detection metrics of one pair of masks, with an explicit policy for empty masks.

Dice, IoU, precision and recall of voxels; HD95, the larger of the two directed 95th percentiles, and NSD, the surface
Dice on sub-voxel surface elements (Nikolov et al., 2021), as MONAI computes them; `surfaces.py` has both.
docs/statistics.md lists the differences between the packages in detail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nnunet_llm4seg.evaluation.lesions import Detected, detect
from nnunet_llm4seg.evaluation.surfaces import hd95, surface_dice

# Goes up with every change of a value of any metric: measured values of other versions are not used again.
VERSION = 2
# Which mask of a case is empty; the first of them: none.
EMPTY = ("", "both", "reference", "prediction")


class MaskPair:
    """A binary prediction and its reference, cut to the bounding box of both.

    Args:
        prediction: bool mask, (H, W) or (D, H, W).
        reference: bool mask of the same shape.
        spacing: of each axis, in mm (or pixels, if the file has no mm).
        tolerance: of the NSD, in the unit of `spacing`.
        shape: of the image, if the masks are already a part of it that contains all of both.
    """

    def __init__(
        self,
        prediction: np.ndarray,
        reference: np.ndarray,
        spacing: Sequence[float],
        tolerance: float,
        shape: Sequence[int] | None = None,
    ) -> None:
        self.shape = tuple(prediction.shape if shape is None else shape)
        self.spacing = [float(step) for step in spacing]
        self.tolerance = tolerance
        box = _bounding_box(prediction | reference)
        self.prediction, self.reference = prediction[box], reference[box]
        self.empty = (not self.prediction.any(), not self.reference.any())

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """Voxels in both masks, in the prediction and in the reference."""
        both = int(np.count_nonzero(self.prediction & self.reference))
        return both, int(np.count_nonzero(self.prediction)), int(np.count_nonzero(self.reference))

    @cached_property
    def detected(self) -> Detected:
        """The matched components of both masks."""
        return detect(self.prediction, self.reference)

    @property
    def volume(self) -> float:
        """Volume of the reference (area in 2D), in the spacing's unit."""
        return float(self.counts[2] * np.prod(self.spacing))

    @property
    def diagonal(self) -> float:
        """Length of the image's diagonal, the largest possible distance."""
        return float(np.linalg.norm(np.multiply(self.shape, self.spacing)))


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """Where a mask is not empty; an empty box if it is."""
    box = []
    for axis in range(mask.ndim):
        found = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0))
    return tuple(box)


@dataclass(frozen=True)
class Metric:
    """One metric: how it is computed and shown, and how empty masks count.

    Attributes:
        name: key in our files.
        title: as it is written in the report.
        compute: its value if neither mask is empty.
        both_empty: its value if both masks are empty, which is correct.
        one_empty: its value if only one mask is empty, which is wrong.
        percent: whether it is a share, shown in points (0 to 100).
        unit: in which it is shown.
        higher_is_better: its direction; None if zero is best. The report names it where it is not the usual one.
        lowest: the smallest value that is possible.
        primary: whether it can be the primary endpoint.
    """

    name: str
    title: str
    compute: Callable[[MaskPair], float]
    both_empty: float = 1.0
    one_empty: Callable[[MaskPair], float] = lambda pair: 0.0
    percent: bool = True
    unit: str = "points"
    higher_is_better: bool | None = True
    lowest: float = 0.0
    primary: bool = False

    @property
    def highest(self) -> float:
        """The largest value that is possible."""
        return float("inf") if not self.percent else 1.0 if self.lowest == 0 else -self.lowest

    @property
    def scale(self) -> float:
        """Factor from its value to the number that is shown."""
        return 100.0 if self.percent else 1.0


def _dice(pair: MaskPair) -> float:
    both, predicted, true = pair.counts
    return 2 * both / (predicted + true)


def _iou(pair: MaskPair) -> float:
    both, predicted, true = pair.counts
    return both / (predicted + true - both)


def _precision(pair: MaskPair) -> float:
    both, predicted, _ = pair.counts
    return both / predicted


def _recall(pair: MaskPair) -> float:
    both, _, true = pair.counts
    return both / true


def _hd95(pair: MaskPair) -> float:
    return hd95(pair.prediction, pair.reference, pair.spacing)


def _nsd(pair: MaskPair) -> float:
    return surface_dice(pair.prediction, pair.reference, pair.spacing, pair.tolerance)


def _volume_bias(pair: MaskPair) -> float:
    """Difference of the volumes, relative to their mean, as Bland and Altman's plots show it: -2 .. 2."""
    _, predicted, true = pair.counts
    return 2 * (predicted - true) / (predicted + true)


# A new metric is one row.
METRICS = (
    Metric("dice", "Dice", _dice, primary=True),
    Metric("iou", "IoU", _iou, primary=True),
    Metric("precision", "Precision", _precision),
    Metric("recall", "Recall", _recall),
    Metric("hd95", "HD95", _hd95, 0.0, lambda pair: pair.diagonal, False, "mm (pixels)", higher_is_better=False),
    Metric("nsd", "NSD", _nsd),
    Metric("volume_bias", "Volume bias", _volume_bias, 0.0, _volume_bias, higher_is_better=None, lowest=-2.0),
    Metric("lesion_f1", "Lesion F1", lambda pair: pair.detected.f1),
    Metric(
        "false_positives",
        "False positives",
        lambda pair: pair.detected.false_positives,
        0.0,
        lambda pair: pair.detected.false_positives,
        percent=False,
        unit="components per case",
        higher_is_better=False,
    ),
)
NAMES = tuple(metric.name for metric in METRICS)
BY_NAME = {metric.name: metric for metric in METRICS}
PRIMARY = tuple(metric.name for metric in METRICS if metric.primary)
EMPTY_POLICY = (
    "If reference and prediction are both empty, the case counts as correct: 1 (HD95, volume bias and false positives:"
    " 0). If only one of them is empty, it counts as wrong: 0 (HD95: the diagonal of the image; volume bias: −200 or"
    " 200 %; false positives: their number). No case is omitted."
)


def measure_masks(pair: MaskPair) -> list[float]:
    """One finite value for each of `METRICS`; `EMPTY_POLICY` says how empty masks count.

    >>> square = np.ones((4, 4), bool)
    >>> dict(zip(NAMES, measure_masks(MaskPair(square, square, (1, 1), 2.0))))["dice"]
    1.0
    """
    if all(pair.empty):
        return [metric.both_empty for metric in METRICS]
    if any(pair.empty):
        return [float(metric.one_empty(pair)) for metric in METRICS]
    return [float(metric.compute(pair)) for metric in METRICS]
