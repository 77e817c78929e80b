import importlib.util

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric, MeanIoU, SurfaceDiceMetric
from scipy.ndimage import gaussian_filter

from nnunet_llm4seg.evaluation.metrics import NAMES, MaskPair, measure_masks

SPACINGS = [(1.0, 1.0), (0.7, 1.3), (1.0, 1.0, 1.0), (3.0, 0.8, 0.8)]


def measure(prediction, reference, spacing, tolerance):
    """Value by name."""
    return dict(zip(NAMES, measure_masks(MaskPair(prediction, reference, spacing, tolerance)), strict=True))


def random_pair(spacing, seed):
    """Two similar blobs; odd seeds keep away from the border."""
    rng = np.random.default_rng(seed)
    shape = (30, 34) if len(spacing) == 2 else (10, 18, 20)
    field = gaussian_filter(rng.normal(size=shape), 2)
    other = gaussian_filter(field + 0.2 * rng.normal(size=shape), 0.7)
    inside = np.zeros(shape, bool)
    inside[tuple(slice(2, -2) if seed % 2 else slice(None) for _ in shape)] = True
    return (other > 0.03) & inside, (field > 0.02) & inside


def square(shape, start, stop):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return mask


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_monai_called_directly(spacing, seed):
    prediction, reference = random_pair(spacing, seed)
    ours = measure(prediction, reference, spacing, 1.5)
    pair = [torch.from_numpy(m)[None, None].float() for m in (prediction, reference)]
    direct = {"dice": DiceMetric(), "iou": MeanIoU()}
    for name, metric in direct.items():
        assert ours[name] == pytest.approx(metric(*pair).item(), abs=1e-6)
    hausdorff = HausdorffDistanceMetric(include_background=True, percentile=95)
    assert ours["hd95"] == pytest.approx(hausdorff(*pair, spacing=list(spacing)).item(), abs=1e-6)
    surface = SurfaceDiceMetric([1.5], include_background=True, use_subvoxels=True)
    assert ours["nsd"] == pytest.approx(surface(*pair, spacing=list(spacing)).item(), abs=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("surface_distance") is None, reason="test extra surface-distance missing")
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("seed", range(4))
def test_surface_dice_equals_deepminds(spacing, seed):
    import surface_distance

    prediction, reference = random_pair(spacing, seed)
    distances = surface_distance.compute_surface_distances(reference, prediction, spacing)
    for tolerance in (0.9, 2.05):
        expected = surface_distance.compute_surface_dice_at_tolerance(distances, tolerance)
        assert measure(prediction, reference, spacing, tolerance)["nsd"] == pytest.approx(expected, abs=1e-5)


def test_squares_shifted_by_one_pixel_have_the_known_values():
    values = measure(square((20, 20), (5, 6), (15, 16)), square((20, 20), (5, 5), (15, 15)), (1, 1), 2.0)
    assert values["dice"] == pytest.approx(0.9)
    assert values["iou"] == pytest.approx(90 / 110)
    assert values["precision"] == pytest.approx(0.9)
    assert values["recall"] == pytest.approx(0.9)
    assert values["hd95"] == pytest.approx(1.0)
    assert values["nsd"] == pytest.approx(1.0)


def test_precision_and_recall_are_not_swapped():
    half = measure(square((9, 9), (2, 2), (4, 6)), square((9, 9), (2, 2), (6, 6)), (1, 1), 2.0)
    assert half["precision"] == pytest.approx(1.0)
    assert half["recall"] == pytest.approx(0.5)


def test_identical_masks_are_perfect():
    mask = square((8, 8, 8), (2, 2, 2), (6, 6, 6))
    assert measure(mask, mask, (2, 1, 1), 1.0) == dict.fromkeys(NAMES, 1.0) | {"hd95": 0.0}


@pytest.mark.parametrize(("axis", "millimetres"), [(0, 7.5), (1, 3.0), (2, 1.5)])
def test_distances_follow_anisotropic_spacing(axis, millimetres):
    start, moved = [4, 4, 4], [4, 4, 4]
    moved[axis] += 3
    masks = [square((9, 9, 9), at, [x + 1 for x in at]) for at in (moved, start)]
    values = measure(*masks, (2.5, 1.0, 0.5), millimetres + 0.01)
    assert values["hd95"] == pytest.approx(millimetres)
    assert values["nsd"] == pytest.approx(1.0)
    assert measure(*masks, (2.5, 1.0, 0.5), 0.4)["nsd"] == pytest.approx(0.0)


def test_both_masks_empty_count_as_right():
    empty = np.zeros((6, 8), bool)
    assert measure(empty, empty, (1, 1), 2.0) == dict.fromkeys(NAMES, 1.0) | {"hd95": 0.0}


@pytest.mark.parametrize("which", [0, 1])
def test_one_empty_mask_counts_as_wrong(which):
    masks = [np.zeros((6, 8), bool), np.zeros((6, 8), bool)]
    masks[which][2:4, 2:4] = True
    assert measure(*masks, (1, 1), 2.0) == dict.fromkeys(NAMES, 0.0) | {"hd95": 10.0}
