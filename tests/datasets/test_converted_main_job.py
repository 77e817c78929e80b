"""Converted data sets through nnU-Net's own commands: several classes in 2D, and MR volumes."""

import json
import shutil
import sys

import numpy as np
import pytest
from dataset_trees import save, save_volume
from project import Project

from nnunet_llm4seg.cli import main

pytestmark = pytest.mark.integration


def rings(rng, shape):
    """A disc (1) with a cup (2) in it, and an image that shows them."""
    grid = np.indices(shape)
    centre = [rng.uniform(0.4 * n, 0.6 * n) for n in shape]
    distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
    radius = rng.uniform(0.25, 0.35) * min(shape)
    label = (distance < radius).astype(np.uint8) + (distance < 0.6 * radius)
    return rng.normal(50 + 60.0 * label, 8).clip(0, 255), label.astype(np.uint8)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("classes"))
    rng = np.random.default_rng(0)
    for n in range(10):  # two to compare in each fold
        image, label = rings(rng, (32, 32))
        save(image.astype(np.uint8), project.root / f"retina/images/e{n}.png")
        save(np.array([0, 128, 255], dtype=np.uint8)[label], project.root / f"retina/masks/e{n}.png")
        image, label = rings(rng, (16, 16, 16))
        save_volume(image.astype(np.int16), project.root / f"brain/images/b{n}.nii.gz", (1.0, 1.0, 1.0))
        save_volume(label * 2, project.root / f"brain/labels/b{n}.nii.gz", (1.0, 1.0, 1.0))
    return project


@pytest.mark.parametrize(
    ("name", "configuration", "options"),
    [
        ("retina", "2d", ("folder", "--labels", "background=0,disc=128,cup=255")),
        ("brain", "3d_fullres", ("volumes", "--channels", "MR")),
    ],
)
def test_several_classes_are_planned_trained_predicted_and_evaluated_and_arms_compared(
    name, configuration, options, project, monkeypatch
):
    for variable, value in project.environment().items():
        monkeypatch.setenv(variable, value)

    def llm4seg(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["llm4seg", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0

    number = {"retina": 1, "brain": 2}[name]
    converter, *more = options
    llm4seg("convert", converter, project.root / name, "-d", number, "--splits", "5fold", *more)
    dataset = f"Dataset{number:03d}_{name}"
    plan = ("-d", number, "--verify_dataset_integrity", "-c", configuration, "-np", "1", "-npfp", "1")
    assert "your dataset is most likely OK" in project.run("nnUNetv2_plan_and_preprocess", *plan)
    if configuration != "2d":
        project.make_narrow(dataset, configuration)
    project.train(dataset, configuration, 0, "-tr", "nnUNetTrainerVanilla_smoke")
    images, predicted = project.root / f"one_{name}", project.root / f"predicted_{name}"
    images.mkdir()
    shutil.copy(min((project.raw / dataset / "imagesTr").iterdir()), images)
    project.run(
        *("nnUNetv2_predict", "-i", images, "-o", predicted, "-d", number, "-c", configuration, "-f", 0),
        *("-tr", "nnUNetTrainerVanilla_smoke", "-device", "cpu", "--disable_tta", "-npp", "0", "-nps", "0"),
    )
    output = project.root / f"evaluated_{name}"
    llm4seg("evaluate", predicted, project.raw / dataset / "labelsTr", "-o", output)
    labels = json.loads((project.raw / dataset / "dataset.json").read_text())["labels"]
    means = json.loads((output / "evaluation.json").read_text())["mean"]
    assert len(labels) == 3 and {"mean over labels", *labels} - {"background"} == set(means)

    if configuration != "2d":  # a second arm takes long, and compares in the same way
        return
    llm4seg("plan", number, "-c", configuration, "--weights", "identity")  # an arm that needs no files of a model
    arm = ("-tr", "nnUNetTrainerLLM4Seg_smoke", "-p", "nnUNetPlans_LLM4Seg")
    project.train(dataset, configuration, 0, *arm)
    report = project.root / f"report_{name}"
    llm4seg("compare", number, configuration, "-o", report)
    compared = json.loads((report / "comparison.json").read_text())
    assert set(compared["labels"]) == set(labels) - {"background"}
    assert [compared["baseline"], *compared["candidates"]] == [
        "nnUNetTrainerVanilla_smoke__nnUNetPlans",
        "nnUNetTrainerLLM4Seg_smoke__nnUNetPlans_LLM4Seg",
    ]
