"""Overlap and surface metrics of one pair of masks, by MONAI, with an explicit policy for empty masks.

Dice, IoU, precision and recall are MONAI's confusion metrics; HD95 its 95 % Hausdorff distance (the larger of the two
directed 95th percentiles); NSD its surface Dice on sub-voxel surface elements, the definition of DeepMind's
surface-distance (Nikolov et al., 2021). docs/statistics.md lists the differences in detail.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from monai.metrics import (
    compute_confusion_matrix_metric,
    compute_hausdorff_distance,
    compute_surface_dice,
    get_confusion_matrix,
)


class MaskPair:
    """A binary prediction and its reference, as MONAI takes them.

    Args:
        prediction: bool mask, (H, W) or (D, H, W).
        reference: bool mask of the same shape.
        spacing: of each axis, in mm (or pixels, if the file has no mm).
        tolerance: of the NSD, in the unit of `spacing`.
    """

    def __init__(
        self, prediction: np.ndarray, reference: np.ndarray, spacing: Sequence[float], tolerance: float
    ) -> None:
        self.shape = prediction.shape
        self.spacing = [float(step) for step in spacing]
        self.tolerance = tolerance
        self.empty = (not prediction.any(), not reference.any())
        self.prediction, self.reference = (
            torch.from_numpy(np.ascontiguousarray(mask))[None, None].float() for mask in (prediction, reference)
        )

    @cached_property
    def confusion(self) -> Any:
        return get_confusion_matrix(self.prediction, self.reference)

    @property
    def diagonal(self) -> float:
        """Length of the image's diagonal, the largest possible distance."""
        return float(np.linalg.norm(np.multiply(self.shape, self.spacing)))


@dataclass(frozen=True)
class Metric:
    """One metric: how it is computed and shown, and how empty masks count.

    Attributes:
        name: key in our files.
        title: as it is written in the report.
        compute: its value if neither mask is empty.
        both_empty: its value if both masks are empty, which is correct.
        one_empty: its value if only one mask is empty, which is wrong.
        percent: whether it is a share, shown in points (0 to 100); otherwise a distance in mm, or in pixels if
            the files have no mm.
        higher_is_better: its direction; the report names the metrics of which lower is better.
        primary: whether it can be the primary endpoint.
    """

    name: str
    title: str
    compute: Callable[[MaskPair], Any]
    both_empty: float = 1.0
    one_empty: Callable[[MaskPair], float] = lambda pair: 0.0
    percent: bool = True
    higher_is_better: bool = True
    primary: bool = False

    @property
    def scale(self) -> float:
        """Factor from its value to the number that is shown."""
        return 100.0 if self.percent else 1.0


def _of_confusion(monai: str, pair: MaskPair) -> Any:
    return compute_confusion_matrix_metric(monai, pair.confusion)


def _hd95(pair: MaskPair) -> Any:
    return compute_hausdorff_distance(
        pair.prediction, pair.reference, include_background=True, percentile=95, spacing=pair.spacing
    )


def _nsd(pair: MaskPair) -> Any:
    return compute_surface_dice(
        pair.prediction,
        pair.reference,
        class_thresholds=[pair.tolerance],
        include_background=True,
        spacing=pair.spacing,
        use_subvoxels=True,
    )


# A new metric is one row.
METRICS = (
    Metric("dice", "Dice", partial(_of_confusion, "f1 score"), primary=True),
    Metric("iou", "IoU", partial(_of_confusion, "threat score"), primary=True),
    Metric("precision", "Precision", partial(_of_confusion, "precision")),
    Metric("recall", "Recall", partial(_of_confusion, "sensitivity")),
    Metric("hd95", "HD95", _hd95, 0.0, lambda pair: pair.diagonal, percent=False, higher_is_better=False),
    Metric("nsd", "NSD", _nsd),
)
NAMES = tuple(metric.name for metric in METRICS)
BY_NAME = {metric.name: metric for metric in METRICS}
PRIMARY = tuple(metric.name for metric in METRICS if metric.primary)
EMPTY_POLICY = (
    "If reference and prediction are both empty, the case counts as correct: 1 (HD95: 0). If only one of"
    " them is empty, it counts as wrong: 0 (HD95: the diagonal of the image). No case is omitted."
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
        return [metric.one_empty(pair) for metric in METRICS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI 1.6 warns about its own calls, once per case
        return [float(metric.compute(pair)) for metric in METRICS]
