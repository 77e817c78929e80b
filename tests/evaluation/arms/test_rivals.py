"""nnU-Net's own other networks as baselines; folders are made up, nothing is trained."""

import json

import pytest
from fake_results import LLM4SEG, analysed, make, refuse, write_json

RESENC = "nnUNetTrainer__nnUNetResEncUNetMPlans"
PRIMUS = "nnUNet_Primus_M_Trainer__nnUNetPlans"


def change(fake, arm, **entries):
    path = fake.folder(arm) / "plans.json"
    plans = json.loads(path.read_text())
    plans["experiment_planner_used"] = "nnUNetPlannerResEncM"
    chosen = plans["configurations"]["2d"]
    chosen["architecture"] = {"network_class_name": "a.b.ResidualEncoderUNet", "arch_kwargs": {"n_stages": 7}}
    chosen.update(entries)
    write_json(path, plans)


@pytest.fixture
def resenc(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch, {RESENC: 2.0, LLM4SEG: 1.0})
    change(fake, RESENC)
    return fake


@pytest.fixture
def primus(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch, {PRIMUS: 2.0, LLM4SEG: 1.0})
    for fold in (0, 1):
        path = fake.fold(PRIMUS, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "initial_lr": "0.0003", "optimizer": "AdamW (\n)"})
    return fake


def test_a_residual_encoder_of_the_same_patch_is_a_baseline_and_the_network_is_told(resenc):
    told = []
    summary = analysed(baseline=RESENC, report_difference=told.append)
    assert summary["comparisons"]
    assert any(text.startswith("architecture.network_class_name is PlainConvUNet") for text in told)
    assert {text.split()[0].split(".")[0] for text in told} == {"architecture", "experiment_planner_used"}
    assert sum("Not the bottleneck alone" in note for note in summary["notes"]) == len(told)


def test_a_residual_encoder_of_another_patch_is_refused_for_that_alone(resenc):
    change(resenc, RESENC, patch_size=[32, 32])
    refuse(
        r"differ in more than the bottleneck: patch_size is \[24, 24\] in [^;]*\[32, 32\] in the baseline\.",
        baseline=RESENC,
    )


def test_primus_is_a_baseline_with_the_optimiser_that_its_trainer_brings(primus):
    told = []
    analysed(baseline=PRIMUS, report_difference=told.append)
    assert {text.split()[0] for text in told} == {"trainer", "optimizer", "initial_lr"}


def test_primus_trained_for_longer_is_refused(primus):
    for fold in (0, 1):
        path = primus.fold(PRIMUS, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "num_epochs": "9"})
    refuse("bottleneck: num_epochs is 2 in .*9 in the baseline", baseline=PRIMUS)


def test_another_network_that_is_no_rival_of_nnunets_is_refused(resenc):
    change(resenc, RESENC, architecture={"network_class_name": "a.b.Other", "arch_kwargs": {"n_stages": 3}})
    refuse("architecture.network_class_name", baseline=RESENC)
