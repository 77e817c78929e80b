"""Overlap and surface metrics of one pair of masks, by MONAI, with an explicit policy for empty masks.

Dice, IoU, precision and recall are MONAI's confusion metrics; HD95 its 95 % Hausdorff distance (the larger
of the two directed 95th percentiles); NSD its surface Dice on sub-voxel surface elements, the definition
of DeepMind's surface-distance (Nikolov et al., 2021). What differs in detail: docs/statistics.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from monai.metrics import (
    compute_confusion_matrix_metric,
    compute_hausdorff_distance,
    compute_surface_dice,
    get_confusion_matrix,
)

METRICS = ("dice", "iou", "precision", "recall", "hd95", "nsd")
_CONFUSION = {"dice": "f1 score", "iou": "threat score", "precision": "precision", "recall": "sensitivity"}
EMPTY_POLICY = (
    "Where reference and prediction are both empty the case counts as right: 1 (HD95: 0). Where only one of"
    " them is empty it counts as wrong: 0 (HD95: the diagonal of the image). No case is left out."
)


def measure(
    prediction: np.ndarray, reference: np.ndarray, spacing: Sequence[float], tolerance: float
) -> dict[str, float]:
    """All metrics of a binary prediction against its reference.

    Args:
        prediction: bool mask, (H, W) or (D, H, W).
        reference: bool mask of the same shape.
        spacing: of each axis, in mm (or pixels, where the file knows no mm).
        tolerance: of the NSD, in the unit of `spacing`.

    Returns:
        One finite value for each of `METRICS`; `EMPTY_POLICY` says what empty masks count.
    """
    if not (prediction.any() and reference.any()):
        right = not (prediction.any() or reference.any())
        diagonal = float(np.linalg.norm(np.multiply(prediction.shape, spacing)))
        return dict.fromkeys(METRICS, float(right)) | {"hd95": 0.0 if right else diagonal}
    pair = [torch.from_numpy(np.ascontiguousarray(mask))[None, None].float() for mask in (prediction, reference)]
    spacing = [float(step) for step in spacing]
    counts = get_confusion_matrix(*pair)
    values = {name: compute_confusion_matrix_metric(monai, counts) for name, monai in _CONFUSION.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI 1.6 warns of its own calls, once a case
        values["hd95"] = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=spacing)
        values["nsd"] = compute_surface_dice(
            *pair, class_thresholds=[tolerance], include_background=True, spacing=spacing, use_subvoxels=True
        )
    return {name: float(values[name]) for name in METRICS}
