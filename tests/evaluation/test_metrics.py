import importlib.util
from itertools import product

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric, MeanIoU, SurfaceDiceMetric
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

from nnunet_llm4seg.evaluation.metrics import NAMES, MaskPair, measure_masks

ZERO_IS_BEST = {"hd95": 0.0, "volume_bias": 0.0, "false_positives": 0.0}
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


@pytest.mark.parametrize("spacing", SPACINGS)
def test_distances_equal_those_on_the_whole_image(spacing):
    small = random_pair(spacing, 1)
    masks = [np.pad(mask, 9) for mask in small]
    far = [distance_transform_edt(~edge, sampling=spacing) for edge in map(edge_of, masks)]
    directed = [np.percentile(far[1 - i][edge_of(mask)], 95) for i, mask in enumerate(masks)]
    assert measure(*masks, spacing, 1.5)["hd95"] == pytest.approx(max(directed), rel=1e-6)  # interpolated in float32
    assert measure(*masks, spacing, 1.5) == pytest.approx(measure(*small, spacing, 1.5), abs=1e-6)


def edge_of(mask):
    return mask & ~binary_erosion(mask, border_value=0)


def test_surface_dice_equals_a_count_of_contour_pieces():
    masks, spacing = random_pair((0.7, 1.3), 0), (0.7, 1.3)
    pieces = [contour(np.pad(mask, 1), spacing) for mask in masks]
    near = total = 0.0
    for (places, lengths), (others, _) in (pieces, pieces[::-1]):
        distances = np.linalg.norm((places[:, None] - others[None]) * spacing, axis=-1).min(1)
        near, total = near + lengths[distances <= 1.5].sum(), total + lengths.sum()
    assert measure(*masks, spacing, 1.5)["nsd"] == pytest.approx(near / total, abs=1e-6)


def contour(mask, spacing):
    """Places of the squares of four pixels that a contour crosses, and its length in each, corner by corner."""
    places, lengths = [], []
    for y, x in np.ndindex(mask.shape[0] - 1, mask.shape[1] - 1):
        (a, b), (c, d) = mask[y : y + 2, x : x + 2]
        inside = int(a) + b + c + d
        if inside in (0, 4):
            continue
        straight = spacing[1] if a == b else spacing[0]
        diagonal = np.hypot(*spacing) / 2
        lengths.append(diagonal if inside != 2 else 2 * diagonal if a == d else straight)
        places.append((y, x))
    return np.array(places), np.array(lengths)


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
    assert measure(mask, mask, (2, 1, 1), 1.0) == dict.fromkeys(NAMES, 1.0) | ZERO_IS_BEST


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
    assert measure(empty, empty, (1, 1), 2.0) == dict.fromkeys(NAMES, 1.0) | ZERO_IS_BEST


@pytest.mark.parametrize("which", [0, 1])
def test_one_empty_mask_counts_as_wrong(which):
    masks = [np.zeros((6, 8), bool), np.zeros((6, 8), bool)]
    masks[which][2:4, 2:4] = True
    assert measure(*masks, (1, 1), 2.0) == dict.fromkeys(NAMES, 0.0) | {
        "hd95": 10.0,
        "volume_bias": -2.0 if which else 2.0,
        "false_positives": 1.0 - which,
    }


def test_the_volume_bias_is_signed_and_relative_to_the_mean_of_both_volumes():
    large, small = square((20, 20), (2, 2), (12, 12)), square((20, 20), (2, 2), (7, 12))
    assert measure(large, small, (1, 1), 2.0)["volume_bias"] == pytest.approx(50 / 75)
    assert measure(small, large, (1, 1), 2.0)["volume_bias"] == pytest.approx(-50 / 75)


def test_lesions_are_matched_one_to_one():
    reference = square((20, 20), (1, 1), (5, 5)) | square((20, 20), (10, 10), (14, 14))
    prediction = (
        square((20, 20), (1, 1), (5, 4)) | square((20, 20), (15, 1), (17, 3)) | square((20, 20), (1, 10), (3, 12))
    )
    values = measure(prediction, reference, (1, 1), 2.0)
    assert values["lesion_f1"] == pytest.approx(2 / (3 + 2))
    assert values["false_positives"] == 2


def test_one_prediction_over_two_lesions_finds_one_of_them():
    reference = square((10, 12), (2, 1), (6, 5)) | square((10, 12), (2, 6), (6, 10))
    values = measure(square((10, 12), (2, 1), (6, 10)), reference, (1, 1), 2.0)
    assert values["lesion_f1"] == pytest.approx(2 / 3)
    assert values["false_positives"] == 0


def test_a_touching_corner_joins_and_a_small_overlap_is_no_match():
    corner = np.eye(6, dtype=bool)
    assert measure(corner, corner, (1, 1), 2.0)["lesion_f1"] == 1
    shifted = measure(square((30, 30), (0, 0), (10, 10)), square((30, 30), (9, 9), (20, 20)), (1, 1), 2.0)
    assert (shifted["lesion_f1"], shifted["false_positives"]) == (0, 1)


def components(mask):
    """Sets of voxels that touch by a face, edge or corner, by walking from voxel to voxel."""
    left = set(map(tuple, np.argwhere(mask)))
    found = []
    while left:
        part, new = set(), [left.pop()]
        while new:
            part.add(at := new.pop())
            near = {tuple(np.add(at, step)) for step in product((-1, 0, 1), repeat=mask.ndim)} & left
            left -= near
            new += near
        found.append(frozenset(part))
    return found


@pytest.mark.parametrize(
    ("shape", "seed"), [((14, 14), seed) for seed in range(12)] + [((5, 7, 7), 1), ((5, 7, 7), 2)]
)
def test_lesions_are_counted_as_by_an_independent_walk(shape, seed):
    rng = np.random.default_rng(seed)
    reference = rng.random(shape) < 0.2
    prediction = np.where(rng.random(shape) < 0.2, rng.random(shape) < 0.2, reference)
    parts = components(prediction), components(reference)
    overlaps = sorted(((len(p & t) / len(p | t), p, t) for p in parts[0] for t in parts[1]), key=lambda pair: -pair[0])
    matched: dict = {}
    for iou, p, t in overlaps:
        if iou >= 0.1 and p not in matched and t not in matched.values():
            matched[p] = t
    values = measure(prediction, reference, (1,) * len(shape), 2.0)
    assert values["lesion_f1"] == pytest.approx(2 * len(matched) / (len(parts[0]) + len(parts[1])))
    assert values["false_positives"] == len(parts[0]) - len(matched)
    assert len(parts[1]) > 2
