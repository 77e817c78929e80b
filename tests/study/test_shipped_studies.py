"""The study files in plans/studies are valid, pass a dry run, and contain the paper's arms."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nnunet_llm4seg.study.file import read_study
from nnunet_llm4seg.study.run import describe_plan

FOLDER = Path(__file__).parents[2] / "plans" / "studies"
FILES = sorted(FOLDER.glob("*.yaml"))
PAPERS = [path for path in FILES if path.stem.startswith("paper_")]


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_a_study_of_the_paper_is_read_with_the_papers_protocol(path):
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("smoke", [False, True], ids=["whole", "smoke"])
def test_a_shipped_study_passes_a_dry_run(path, smoke, tmp_path, monkeypatch):
    """Data sets that the file names or degrades need to be there only as nnU-Net's raw folders."""
    study = replace(read_study(path), base=tmp_path, folder=tmp_path / "study")
    study = study.as_smoke() if smoke else study
    for name in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    for given in set(study.datasets) - set(study.degraded):
        raw = tmp_path / "nnUNet_raw" / f"Dataset{int(given):03d}_X"
        raw.mkdir(parents=True)
        (raw / "dataset.json").write_text(json.dumps({"numTraining": 100}))
    said = []
    describe_plan(study, said.append)
    folds = 5 if study.folds is None else len(study.folds)
    count = len(study.datasets) * len(study.arms) * folds * study.runs
    assert any(line.startswith(f"{count} trainings: {count} waiting") for line in said)
    assert sum(line.startswith("first: make ") for line in said) == len(study.degraded)
    assert not list(tmp_path.glob("study*")) and list((tmp_path / "nnUNet_raw").iterdir())


def test_the_open_questions_have_their_studies():
    arms = {path.stem: [arm.config for arm in read_study(path).arms if arm.config] for path in FILES}
    assert {config.weights for config in arms["geometric_all"]} == {"pretrained", "shuffled", "random", "identity"}
    assert {config.layer for config in arms["layer_sweep"]} == {0, 4, 9, 14, 19, 24, 29}
    assert {config.residual for config in arms["residual_attention"]} == {"none", "gated", "zero"}
    assert {config.attention for config in arms["residual_attention"]} == {"causal", "bidirectional"}
    assert any("dinov2" in config.model for config in arms["controls"])
    kinds = {made.how.label_noise.kind for made in read_study(FOLDER / "label_noise.yaml").degraded.values()}
    assert kinds == {"eroded", "dilated", "shifted", "dropped"}
    few = read_study(FOLDER / "few_shot.yaml").degraded.values()
    assert sorted(made.how.train_fraction for made in few) == [0.1, 0.3]
