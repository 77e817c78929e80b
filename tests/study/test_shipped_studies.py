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


@pytest.fixture
def dry_run(tmp_path, monkeypatch):
    """What a dry run says where the data sets are there only as nnU-Net's raw folders."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)

    def dry_run(study):
        for given in set(study.datasets) - set(study.degraded):
            raw = tmp_path / "nnUNet_raw" / f"Dataset{int(given):03d}_X"
            raw.mkdir(parents=True)
            (raw / "dataset.json").write_text(json.dumps({"numTraining": 100}))
        said = []
        describe_plan(replace(study, base=tmp_path, folder=tmp_path / "study"), said.append)
        assert not (tmp_path / "study").exists()
        return said

    return dry_run


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("smoke", [False, True], ids=["whole", "smoke"])
def test_a_shipped_study_passes_a_dry_run(path, smoke, dry_run):
    study = read_study(path).as_smoke() if smoke else read_study(path)
    said = dry_run(study)
    folds = 5 if study.folds is None else len(study.folds)
    count = len(study.datasets) * len(study.arms) * folds * study.runs
    assert any(line.startswith(f"{count} trainings: {count} waiting") for line in said)
    assert sum(line.startswith("first: make ") for line in said) == len(study.degraded)


def test_the_papers_arms_are_trained_on_the_same_folds_with_the_same_plans_and_length(dry_run):
    study = read_study(FOLDER / "paper_2d.yaml")
    said = dry_run(replace(study, plans=replace(study.plans, token_grid=16)))
    base = "nnUNetPlans_paper_grid16"
    assert f"arm vanilla (baseline): nnU-Net's own network; nnUNetTrainer_100epochs, {base}" in said
    others = [line for line in said if line.startswith("arm ")][1:]
    assert all(f"nnUNetTrainerLLM4Seg_100epochs, {base}_llm4seg_paper_2d_" in line for line in others)
    keys = [line.strip() for line in said if line.startswith("  run_1/")]
    arms = ("vanilla", "frozen", "trainable", "random_trainable", "random", "shuffled")
    assert keys == [f"run_1/Dataset041_X/{arm}/fold_{fold}" for arm in arms for fold in (0, 1, 2)]


def test_the_open_questions_have_their_studies():
    arms = {path.stem: [arm.config for arm in read_study(path).arms if arm.config] for path in FILES}
    assert {config.weights for config in arms["geometric_all"]} == {"pretrained", "shuffled", "random", "identity"}
    assert {config.layer for config in arms["layer_sweep"]} == {0, 4, 9, 14, 19, 24, 29}
    assert {config.residual for config in arms["residual_attention"]} == {"none", "gated", "zero"}
    assert {config.attention for config in arms["residual_attention"]} == {"causal", "bidirectional"}
    assert any(config.lora_rank for config in arms["controls"]) and {2, 4} <= {c.depth for c in arms["layer_sweep"]}
    assert any("dinov2" in config.model for config in arms["controls"])
    kinds = {made.how.label_noise.kind for made in read_study(FOLDER / "label_noise.yaml").degraded.values()}
    assert kinds == {"eroded", "dilated", "shifted", "dropped"}
    few = read_study(FOLDER / "few_shot.yaml").degraded.values()
    assert sorted(made.how.train_fraction for made in few) == [0.1, 0.3]


def test_a_shipped_study_runs_from_its_file_to_the_last_training(small):
    text = (FOLDER / "geometric.yaml").read_text()
    for old, new in (
        ("[303]", "[1]"),
        ("HuggingFaceTB/SmolLM2-135M, layer: 14", "llama, layer: 1"),
        ("HuggingFaceTB/SmolLM2-135M", "llama"),
        ("folds: all", "folds: [0]"),
        ("runs: 5", "runs: 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    small.file.write_text(text)
    small.control(epochs=1)
    small.run("run", small.file, "--epochs", "smoke")
    assert list(small.times("final")) == [
        f"run_1/nnUNetPlans_features8to64_convolutions1{arm}/fold_0"
        for arm in ("", *(f"_llm4seg_geometric_{arm}" for arm in ("frozen", "shuffled", "identity")))
    ]
