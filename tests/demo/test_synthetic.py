import json

import numpy as np
import pytest

from nnunet_llm4seg.demo.synthetic import make_case, write_dataset


def test_same_seed_gives_the_same_pixels_and_another_gives_others():
    image, mask = make_case(np.random.default_rng([1, 2]), 64)
    again, mask_again = make_case(np.random.default_rng([1, 2]), 64)
    other, _ = make_case(np.random.default_rng([1, 3]), 64)
    assert np.array_equal(image, again) and np.array_equal(mask, mask_again)
    assert not np.array_equal(image, other)


@pytest.mark.parametrize("number", range(12))
def test_every_case_has_a_lesion_inside_the_image_and_a_full_range_of_greys(number):
    image, mask = make_case(np.random.default_rng([7, number]), 128)
    assert image.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    assert 0.01 < mask.mean() < 0.25
    assert not mask[0].any() and not mask[:, 0].any() and not mask[:, -1].any()
    assert image.std() > 15 and (image == 255).mean() < 0.1 and (image == 0).mean() < 0.25


def test_lesions_are_darker_and_brighter_than_their_surroundings():
    differences = []
    for number in range(30):
        image, mask = make_case(np.random.default_rng([7, number]), 64)
        differences.append(image[mask == 1].mean() - image[mask == 0].mean())
    assert min(differences) < -25 and max(differences) > 10


def test_data_set_is_what_nnunet_reads_and_held_out_cases_have_their_truth_beside_them(tmp_path):
    folder = tmp_path / "Dataset001_X"
    write_dataset(folder, training=3, held_out=2, size=32, seed=0)
    count = {part: len(list((folder / part).iterdir())) for part in ("imagesTr", "labelsTr", "imagesTs", "labelsTs")}
    assert count == {"imagesTr": 3, "labelsTr": 3, "imagesTs": 2, "labelsTs": 2}
    description = json.loads((folder / "dataset.json").read_text())
    assert description["numTraining"] == 3 and "ynthetic" in description["description"]
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
