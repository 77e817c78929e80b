"""The main job through nnU-Net's own commands, 2D with a plain and 3D with a residual encoder.

One project per dimension is trained once, in the order of a user; the tests check its results. The commands in 2D are
the installed ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import warm_python
from project import Project, add_dataset_3d
from tiny_models import save_model

from nnunet_llm4seg.llm.hashing import layer_sha256

TRAINER = "nnUNetTrainerLLM4SegShort"
WORKERS = ["-npp", 0, "-nps", 0]  # of a prediction: starting them takes longer than predicting here


@dataclass
class Job:
    """A finished project and what its commands printed."""

    project: Project
    dataset: str
    configuration: str
    plans: str
    ending: str
    printed: dict[str, str]

    @property
    def options(self) -> list[str]:
        return ["-tr", TRAINER, "-p", self.plans]

    @property
    def folder(self) -> Path:
        return self.project.model_folder(self.dataset, TRAINER, self.plans, self.configuration)

    def predicted(self, name: str) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted((self.project.root / name).glob(f"*{self.ending}"))}

    def checkpoint(self, fold: int, name: str = "final") -> dict:
        return torch.load(self.folder / f"fold_{fold}" / f"checkpoint_{name}.pth", weights_only=False)


def do_the_job(project: Project, dataset: str, configuration: str, source: str, ending: str) -> Job:
    number = dataset[7:10]
    plans = f"{source}_LLM4Seg"
    job = Job(project, dataset, configuration, plans, ending, {})
    model = save_model(project.root / "language_model", torch.bfloat16)
    project.run("llm4seg", "plan", number, "-c", configuration, "-p", source, "--model", model, "--layer", 1)

    latest = job.folder / "fold_0" / "checkpoint_latest.pth"
    training = project.start("nnUNetv2_train", dataset, configuration, 0, "-device", "cpu", *job.options)
    project.kill_when(training, latest.is_file)
    job.printed["latest at kill"] = str(torch.load(latest, weights_only=False)["current_epoch"])
    shutil.rmtree(model)

    job.printed["--c"] = project.train(dataset, configuration, 0, *job.options, "--c", "--npz")
    job.printed["fold 1"] = project.train(dataset, configuration, 1, *job.options, "--npz")
    images = project.raw / dataset / "imagesTs"
    where = ["-i", images, "-device", "cpu", "-f", 0, 1, *WORKERS]
    names = ["-d", number, "-c", configuration, *job.options]
    project.run("nnUNetv2_predict", "-o", "ours", *where, *names)
    return job


@pytest.fixture(scope="module")
def job_2d(prepared_2d, tmp_path_factory) -> Job:
    project = prepared_2d.copy(tmp_path_factory.mktemp("job2d"))
    project.installed = True
    return do_the_job(project, "Dataset902_Discs", "2d", "nnUNetPlans", ".png")


@pytest.fixture(scope="module")
def job_3d(tmp_path_factory) -> Job:
    project = Project(tmp_path_factory.mktemp("job3d"))
    dataset = add_dataset_3d(project, 903)
    words = ("-d", 903, "-c", "3d_fullres", "-np", 1, "-npfp", 1, "-pl", "nnUNetPlannerResEncM")
    project.run("nnUNetv2_plan_and_preprocess", *words)
    project.make_narrow(dataset, "3d_fullres", "nnUNetResEncUNetMPlans")
    return do_the_job(project, dataset, "3d_fullres", "nnUNetResEncUNetMPlans", ".nii.gz")


@pytest.fixture(params=["job_2d", "job_3d"])
def job(request) -> Job:
    return request.getfixturevalue(request.param)


def the_sentence(printed: str) -> str:
    """The message of `llm4seg` about a mistake, in the output of nnU-Net."""
    assert "Traceback" not in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("llm4seg: "))
    return line


def test_a_killed_training_continues_where_its_newest_checkpoint_was(job):
    epoch = job.printed["latest at kill"]
    assert f"checkpoint_latest.pth, epoch {epoch}." in job.printed["--c"] or (
        "checkpoint_best.pth, epoch" in job.printed["--c"]
    )
    assert job.checkpoint(0)["current_epoch"] == 3
    assert not list(job.folder.rglob("*.part"))


def test_the_log_says_what_is_trained(job):
    printed = job.printed["fold 1"]
    assert "layer 1 || weights pretrained (frozen) || attention causal || positions paper" in printed
    assert " tokens at patch " in printed
    assert "trainable params" in printed and "dtype float32" in printed


def test_another_fold_takes_the_frozen_layer_from_a_sibling(job):
    assert "Taking the frozen LLM layer from" in job.printed["fold 1"]


def test_the_frozen_layer_is_the_same_in_every_checkpoint(job):
    plans = json.loads((job.folder / "plans.json").read_text())
    entry = plans["configurations"][job.configuration]["architecture"]["llm4seg_resolved"]
    for fold in (0, 1):
        weights = job.checkpoint(fold)["network_weights"]
        layer = {
            key.removeprefix("bottleneck.layer."): value
            for key, value in weights.items()
            if key.startswith("bottleneck.layer.")
        }
        assert {tensor.dtype for tensor in layer.values()} == {torch.bfloat16}
        assert layer_sha256(layer) == entry["sha256"]


def test_only_what_is_trained_is_optimised(job):
    checkpoint = job.checkpoint(0)
    held = len(checkpoint["optimizer_state"]["param_groups"][0]["params"])
    trained = {
        key
        for key in checkpoint["network_weights"]
        if not key.startswith(("bottleneck.layer.", "decoder.encoder.")) and ".all_modules." not in key
    }
    assert held == len(trained)


def test_both_folds_were_validated(job):
    for fold in (0, 1):
        summary = json.loads((job.folder / f"fold_{fold}" / "validation" / "summary.json").read_text())
        assert 0 <= summary["foreground_mean"]["Dice"] <= 1
        assert list((job.folder / f"fold_{fold}" / "validation").glob("*.npz"))


def test_new_cases_are_predicted_with_both_folds_and_without_the_model(job):
    assert len(job.predicted("ours")) == len(list((job.project.raw / job.dataset / "imagesTs").iterdir()))


def test_a_fold_with_other_settings_is_refused_and_nothing_is_touched(job_2d):
    job = job_2d
    path = job.project.preprocessed / job.dataset / f"{job.plans}.json"
    original = path.read_text()
    plans = json.loads(original)
    plans["configurations"][job.configuration]["architecture"]["llm4seg"]["layer"] = 2
    before = {p: p.stat().st_mtime_ns for p in job.folder.rglob("*") if p.is_file()}
    try:
        path.write_text(json.dumps(plans))
        printed = job.project.run(
            "llm4seg", "train", job.dataset, job.configuration, 2, "-device", "cpu", *job.options, rc=2
        )
    finally:
        path.write_text(original)
    assert the_sentence(printed).startswith("llm4seg: layer: this training asks for 2, but the results in")
    assert {p: p.stat().st_mtime_ns for p in job.folder.rglob("*") if p.is_file()} == before


def test_val_and_val_best_repeat_the_validation(job_2d):
    validation = job_2d.folder / "fold_0" / "validation"
    shutil.rmtree(validation)
    printed = job_2d.project.train(job_2d.dataset, "2d", 0, *job_2d.options, "--val", "--val_best", "--npz")
    assert "checkpoint_best.pth" in printed
    assert (validation / "summary.json").is_file() and list(validation.glob("*.npz"))


def test_a_model_folder_predicts_the_same(job_2d):
    images = job_2d.project.raw / job_2d.dataset / "imagesTs"
    where = [
        "-i",
        images,
        "-o",
        "from_folder",
        "-m",
        job_2d.folder,
        "-f",
        0,
        1,
        "-device",
        "cpu",
        "-npp",
        1,
        "-nps",
        1,
    ]
    job_2d.project.run("nnUNetv2_predict_from_modelfolder", *where)
    assert job_2d.predicted("from_folder") == job_2d.predicted("ours")


def test_the_best_configuration_is_found(job_2d):
    where = [job_2d.dataset, "-c", "2d", *job_2d.options, "-f", 0, 1, "-np", 1, "--disable_ensembling"]
    job_2d.project.run("nnUNetv2_find_best_configuration", *where)
    found = json.loads((job_2d.project.results / job_2d.dataset / "inference_information.json").read_text())
    assert found["best_model_or_ensemble"]["selected_model_or_models"][0]["trainer"] == TRAINER


def test_two_arms_with_plans_of_their_own_are_ensembled(job_2d):
    other = job_2d.project.model_folder(job_2d.dataset, "nnUNetTrainer", "nnUNetPlans", "2d")
    shutil.copytree(job_2d.folder, other)  # the name is what counts here
    try:
        where = [job_2d.dataset, job_2d.folder.name, other.name, "-f", 0, 1]
        job_2d.project.run("llm4seg", "find-best-configuration", *where, installed=False)
    finally:
        shutil.rmtree(other)
    found = json.loads((job_2d.project.results / job_2d.dataset / "inference_information.json").read_text())
    assert len(found["all_results"]) == 3 and any(name.startswith("ensemble") for name in found["all_results"])


def test_a_python_predictor_finds_the_trainers_in_a_moved_folder_without_any_variable(job_2d, tmp_path):
    moved = tmp_path / "Größe und Form" / "model"
    shutil.copytree(job_2d.folder, moved)
    for path in moved.rglob("checkpoint_final.pth"):  # of a trainer that the package has, not of the tests' own
        torch.save({**torch.load(path, weights_only=False), "trainer_name": "nnUNetTrainerLLM4Seg"}, path)
    code = """
import sys, torch
from nnunet_llm4seg import use_trainers
use_trainers()
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False)
predictor.initialize_from_trained_model_folder(sys.argv[1], (0, 1))
workers = {"num_processes_preprocessing": 1, "num_processes_segmentation_export": 1}
predictor.predict_from_files(sys.argv[2], sys.argv[3], **workers)
"""
    (tmp_path / "notebook.py").write_text("if __name__ == '__main__':\n" + textwrap.indent(code, "    "))
    environment = {
        name: value for name, value in job_2d.project.environment().items() if not name.startswith("nnUNet_")
    }
    words = [
        warm_python.commands() / "python",
        "notebook.py",
        moved,
        job_2d.project.raw / job_2d.dataset / "imagesTs",
        tmp_path / "out put",
    ]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = {path.name: path.read_bytes() for path in sorted((tmp_path / "out put").glob("*.png"))}
    assert predicted == job_2d.predicted("ours")


def test_an_exported_zip_predicts_the_same_where_it_is_installed(job_2d, tmp_path):
    out = tmp_path / "model.zip"
    where = ["-d", job_2d.dataset, "-o", out, "-c", "2d", "-tr", TRAINER, "-p", job_2d.plans, "-f", 0, 1]
    job_2d.project.run("nnUNetv2_export_model_to_zip", *where)
    other = Project(tmp_path / "elsewhere", installed=True)
    other.run("nnUNetv2_install_pretrained_model_from_zip", out)
    shutil.copytree(job_2d.project.raw / job_2d.dataset, other.raw / job_2d.dataset)
    images = other.raw / job_2d.dataset / "imagesTs"
    where = ["-i", images, "-o", "ours", "-device", "cpu", "-f", 0, 1, *WORKERS]
    other.run("llm4seg", "predict", *where, "-d", job_2d.dataset, "-c", "2d", *job_2d.options)
    there = {p.name: p.read_bytes() for p in sorted((other.root / "ours").glob("*.png"))}
    assert there == job_2d.predicted("ours")


def test_a_configuration_that_is_not_preprocessed_is_refused(job_2d):
    path = job_2d.project.preprocessed / job_2d.dataset / "Moved.json"
    plans = json.loads((path.parent / "nnUNetPlans.json").read_text())
    plans["plans_name"] = "Moved"
    plans["configurations"]["2d"]["data_identifier"] = "nowhere"
    plans["configurations"]["2d"]["architecture"]["llm4seg"] = {
        "model": str(save_model(job_2d.project.root / "again"))
    }
    plans["configurations"]["2d"]["architecture"]["llm4seg"]["layer"] = 1
    path.write_text(json.dumps(plans))
    words = ["llm4seg", "train", job_2d.dataset, "2d", 0, "-tr", TRAINER, "-p", "Moved", "-device", "cpu"]
    printed = job_2d.project.run(*words, rc=2, installed=False)
    assert the_sentence(printed).startswith("llm4seg: the data set is not preprocessed for 2d")
