import numpy as np
import pytest

from nnunet_llm4seg.demo.picture import draw
from nnunet_llm4seg.demo.scores import held_out_cases, overlap, score
from nnunet_llm4seg.demo.synthetic import write_dataset
from nnunet_llm4seg.errors import DemoError


def test_overlap_is_dice_and_iou():
    truth = np.array([True, True, False, False])
    assert overlap(truth, np.array([True, False, True, False])) == (0.5, 1 / 3)
    assert overlap(truth, truth) == (1.0, 1.0)
    assert overlap(truth, ~truth) == (0.0, 0.0)
    assert overlap(truth & False, truth & False) == (1.0, 1.0)


def test_arms_are_scored_by_case_and_drawn(tmp_path):
    from PIL import Image

    dataset = tmp_path / "Dataset001_X"
    write_dataset(dataset, training=1, held_out=3, size=32, seed=0)
    arms = {"perfect": dataset / "labelsTs", "empty": tmp_path / "empty"}
    arms["empty"].mkdir()
    cases = held_out_cases(dataset / "labelsTs")
    for case in cases:
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(arms["empty"] / f"{case}.png")
    means = score(dataset / "labelsTs", arms, tmp_path / "scores.csv")
    assert means == {"perfect": (1.0, 1.0), "empty": (0.0, 0.0)}
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 2 * len(cases)
    draw(dataset, arms, cases[:2], "caption", tmp_path / "picture.png")
    assert Image.open(tmp_path / "picture.png").size[0] > 600


def test_missing_prediction_is_not_skipped(tmp_path):
    dataset = tmp_path / "Dataset001_X"
    write_dataset(dataset, training=1, held_out=2, size=32, seed=0)
    with pytest.raises(DemoError, match="no prediction of synthetic_001"):
        score(dataset / "labelsTs", {"none": tmp_path}, tmp_path / "scores.csv")
