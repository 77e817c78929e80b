"""The study files in plans/studies are valid, and contain the paper's arms."""

from pathlib import Path

import pytest

from nnunet_llm4seg.study.file import read_study

FOLDER = Path(__file__).parents[2] / "plans" / "studies"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_study_is_read_with_the_papers_protocol(path):
    study = read_study(path)
    assert study.plans.protocol == "paper" and study.epochs == 100
    assert [str(claim) for claim in study.claims] == ["frozen > vanilla", "frozen > shuffled"]


@pytest.mark.parametrize("name", ["paper_2d", "paper_3d"])
def test_the_papers_arms_are_those_of_the_trainers(name):
    from nnunet_llm4seg.trainer.variants import VARIANTS

    arms = {arm.name: arm.fields for arm in read_study(FOLDER / f"{name}.yaml").arms}
    model = {"model": "meta-llama/Llama-3.2-1B", "layer": 14}
    assert arms == {
        "vanilla": None,
        "frozen": model,
        "trainable": {**model, **VARIANTS["Trainable"]},
        "random_trainable": {**model, **VARIANTS["RandomTrainable"]},
        "random": {**model, **VARIANTS["Random"]},
        "shuffled": {**model, **VARIANTS["Shuffled"]},
    }
