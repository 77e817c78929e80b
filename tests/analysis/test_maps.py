import math

import numpy as np
import pytest
import torch

from nnunet_llm4seg.analysis.maps import activation_map, area_matched, iou, iou_of_others, map_ious


def test_map_is_the_mean_magnitude_scaled_to_one():
    features = torch.tensor([[[1.0, -3.0], [0.0, 2.0]], [[-1.0, 5.0], [0.0, 0.0]]])
    assert activation_map(features, (2, 2)) == pytest.approx(np.array([[0.25, 1.0], [0.0, 0.25]]))


@pytest.mark.parametrize("shape", [(8, 8), (8, 6, 4)])
def test_map_has_the_size_of_the_image(shape):
    heat = activation_map(torch.randn(5, *[2] * len(shape)), shape)
    assert heat.shape == shape
    assert (heat.min(), heat.max()) == (0, 1)


def test_iou_by_hand():
    a = np.array([True, True, False, False])
    assert iou(a, np.array([False, True, True, False])) == pytest.approx(1 / 3)
    assert math.isnan(iou(a & False, a & False))


def test_map_is_cut_at_the_masks_area():
    heat = np.array([[0.9, 0.2], [0.3, 1.0]])
    mask = np.array([[True, False], [True, False]])
    assert area_matched(heat, mask).tolist() == [[True, False], [False, True]]
    found = map_ious(heat, mask)
    assert found["map_iou"] == pytest.approx(1 / 3)
    assert found["map_iou_half"] == pytest.approx(1 / 3)
    assert found["map_iou_chance"] == pytest.approx(1 / 3)


def test_one_hot_token_does_not_decide_the_area_matched_iou():
    mask = np.zeros((10, 10), bool)
    mask[2:8, 2:8] = True
    heat = 0.1 * mask
    heat[0, 0] = 1.0
    found = map_ious(heat, mask)
    assert found["map_iou"] > 0.9
    assert found["map_iou_half"] == 0


def test_chance_is_what_random_maps_have():
    rng = np.random.default_rng(0)
    mask = rng.random((60, 60)) < 0.3
    found = [map_ious(rng.random(mask.shape), mask) for _ in range(30)]
    assert np.mean([f["map_iou"] for f in found]) == pytest.approx(found[0]["map_iou_chance"], abs=0.01)


def test_empty_mask_and_constant_map_have_no_iou():
    heat = np.array([[0.0, 1.0]])
    assert math.isnan(map_ious(heat, np.zeros((1, 2), bool))["map_iou"])
    assert math.isnan(map_ious(np.zeros((1, 2)), np.ones((1, 2), bool))["map_iou"])


def blob(y, x):
    rows, columns = np.mgrid[:40, :40]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 100)


def test_a_fixed_blob_on_centred_lesions_gains_nothing_although_chance_is_low():
    fixed = blob(20, 20)
    masks = [blob(20 + shift, 20) > 0.5 for shift in (-1, 0, 1)]
    found = map_ious(fixed, masks[0])
    assert found["map_iou"] > 0.8 and found["map_iou_chance"] < 0.1
    assert iou_of_others(masks[0], [fixed, fixed]) == pytest.approx(found["map_iou"])


def test_a_map_that_follows_its_lesion_gains():
    assert iou_of_others(blob(10, 10) > 0.5, [blob(30, 30), blob(10, 30)]) == 0
    assert math.isnan(iou_of_others(np.zeros((40, 40), bool), [blob(1, 1)]))
    assert math.isnan(iou_of_others(blob(10, 10) > 0.5, []))
