import json

import numpy as np
import pytest

from nnunet_llm4seg.demo.picture import draw
from nnunet_llm4seg.demo.scores import held_out_cases, read_scores, score
from nnunet_llm4seg.demo.synthetic import write_dataset
from nnunet_llm4seg.errors import DemoError


def test_scores_are_dice_and_iou_of_the_foreground(tmp_path):
    from PIL import Image

    masks = {
        "half": ([[1, 2, 0, 0]], [[1, 0, 1, 0]]),
        "same": ([[1, 2, 0, 0]], [[2, 1, 0, 0]]),
        "wrong": ([[1, 1, 0, 0]], [[0, 0, 1, 1]]),
        "none": ([[0, 0, 0, 0]], [[0, 0, 0, 0]]),
    }
    (tmp_path / "dataset.json").write_text(
        json.dumps(
            {
                "labels": {"background": 0, "mass": 1, "core": 2},
                "channel_names": {"0": "a"},
                "file_ending": ".png",
            }
        )
    )
    for folder in ("labelsTs", "arm"):
        (tmp_path / folder).mkdir()
    for case, pair in masks.items():
        for folder, mask in zip(("labelsTs", "arm"), pair, strict=True):
            Image.fromarray(np.array(mask, np.uint8).repeat(4, 0)).save(tmp_path / folder / f"{case}.png")
    table = tmp_path / "scores.csv"
    score(tmp_path / "labelsTs", {"arm": tmp_path / "arm"}, table)
    assert read_scores(table) == {
        ("half", "arm"): (0.5, 0.3333),
        ("same", "arm"): (1.0, 1.0),
        ("wrong", "arm"): (0.0, 0.0),
        ("none", "arm"): (1.0, 1.0),
    }


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
    draw(dataset, arms, cases[:2], tmp_path / "scores.csv", "caption", tmp_path / "picture.png")
    assert Image.open(tmp_path / "picture.png").size[0] > 600


def test_missing_prediction_is_not_skipped(tmp_path):
    dataset = tmp_path / "Dataset001_X"
    write_dataset(dataset, training=1, held_out=2, size=32, seed=0)
    with pytest.raises(DemoError, match="no prediction of synthetic_001"):
        score(dataset / "labelsTs", {"none": tmp_path}, tmp_path / "scores.csv")
