"""Activation maps of a feature map, and how well they cover the mask. The rule is explained in docs/analysis.md."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import interpolate


def activation_map(features: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Mean of the absolute activations over channels, at the size of the image.

    Args:
        features: (C, *grid), 2D or 3D.
        shape: Of the image, in the axis order of `grid`.

    Returns:
        (*shape), float32: (bi- or tri-)linearly interpolated, then scaled to 0..1; zeros if it is constant.
    """
    coarse = features.detach().float().abs().mean(0)[None, None]  # (1, 1, *grid)
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    fine = interpolate(coarse, size=shape, mode=mode, align_corners=False)[0, 0].cpu().numpy()
    span = fine.max() - fine.min()
    return (fine - fine.min()) / span if span > 0 else np.zeros_like(fine)


def area_matched(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The hottest pixels of `heat` (*shape), exactly as many as in `mask`; of equal ones, the first."""
    chosen = np.zeros(heat.size, bool)
    chosen[np.argsort(-heat, axis=None, kind="stable")[: int(mask.sum())]] = True
    return chosen.reshape(heat.shape)


def iou_of_others(mask: np.ndarray, heats: Sequence[np.ndarray]) -> float:
    """Mean IoU of a mask with the maps of other cases (*shape): what the place alone gives, without seeing the image.

    nan for an empty mask or without another map.
    """
    if not mask.any() or not heats:
        return math.nan
    return float(np.mean([iou(area_matched(heat, mask), mask) for heat in heats]))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boolean arrays of one shape; nan if both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else math.nan


def map_ious(heat: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """IoU of an activation map with a boolean mask, all nan if the mask is empty or the map constant.

    Returns:
        `map_iou`: the map thresholded to the mask's own area. `map_iou_half`: the map thresholded at 0.5.
        `map_iou_chance`: the IoU of a map without information, f / (2 - f) for a mask that covers the fraction f.
    """
    if not mask.any() or heat.max() == heat.min():
        return dict.fromkeys(("map_iou", "map_iou_half", "map_iou_chance"), math.nan)
    fraction = float(mask.mean())
    return {
        "map_iou": iou(area_matched(heat, mask), mask),
        "map_iou_half": iou(heat >= 0.5, mask),
        "map_iou_chance": fraction / (2 - fraction),
    }
