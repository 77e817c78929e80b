"""From a vanilla training to an LLM4Seg one, through the real commands."""

import re
import shutil
import sys

import numpy as np
import pytest
from project import Project, add_dataset_2d

pytestmark = pytest.mark.integration

SHORT = "nnUNetTrainerLLM4SegGatedShort"
PLANS = "nnUNetPlans_LLM4Seg"


def test_a_warm_start_predicts_as_the_vanilla_network_and_trains_on(llama_bf16, tmp_path):
    project = Project(tmp_path)
    dataset = add_dataset_2d(project, 1)

    def llm4seg(*words):
        return project.run(sys.executable, "-c", "from nnunet_llm4seg.cli import main; main()", *words)

    project.run("nnUNetv2_plan_and_preprocess", "-d", 1, "-c", "2d", "--verify_dataset_integrity")
    project.train(dataset, "2d", 0, "-tr", "nnUNetTrainerShort")
    vanilla = project.model_folder(dataset, "nnUNetTrainerShort", "nnUNetPlans", "2d")
    llm4seg("plan", dataset, "-c", "2d", "--model", llama_bf16, "--layer", 1)
    new = tmp_path / "warm.pth"
    arguments = ("warm-start", vanilla / "fold_0" / "checkpoint_final.pth", "-o", new, "-p", PLANS, "-tr", SHORT)
    printed = llm4seg(*arguments)
    assert "but the segmentation heads" in printed
    ours = project.model_folder(dataset, SHORT, PLANS, "2d")
    assert not ours.exists()  # making the file did not leave results behind

    # with the heads: nnU-Net continues at epoch 0
    (ours / "fold_0").mkdir(parents=True)
    shutil.copy(new, ours / "fold_0" / "checkpoint_latest.pth")
    log = project.train(dataset, "2d", 0, "-tr", SHORT, "-p", PLANS, "--c")
    assert "epoch 0" in log
    assert_trained(log)
    # without the heads: nnU-Net's own fine-tuning
    log = project.train(dataset, "2d", 1, "-tr", SHORT, "-p", PLANS, "-pretrained_weights", new)
    assert "Loading pretrained weights" in log
    assert_trained(log)

    shutil.copy(new, ours / "fold_0" / "checkpoint_warm.pth")
    llm4seg("strip", new, "-o", ours / "fold_0" / "checkpoint_light.pth")
    before = predict(project, dataset, "nnUNetTrainerShort", "nnUNetPlans", "checkpoint_final.pth")
    for checkpoint in ("checkpoint_warm.pth", "checkpoint_light.pth"):
        after = predict(project, dataset, SHORT, PLANS, checkpoint)
        assert before.keys() == after.keys() and len(before) == 3
        for case in before:
            np.testing.assert_allclose(after[case], before[case], rtol=0, atol=1e-6)


def assert_trained(log):
    losses = [float(value) for value in re.findall(r"train_loss (\S+)", log)]
    assert len(losses) > 1 and np.isfinite(losses).all()


def predict(project, dataset, trainer, plans, checkpoint):
    output = project.root / f"{trainer}-{checkpoint}"
    words = ("-i", project.raw / dataset / "imagesTs", "-o", output, "-d", dataset, "-c", "2d", "-f", 0, "-npp", 1)
    more = ("-tr", trainer, "-p", plans, "-chk", checkpoint, "-device", "cpu", "--save_probabilities", "-nps", 1)
    project.run("nnUNetv2_predict", *words, *more)
    return {path.stem: np.load(path)["probabilities"] for path in output.glob("*.npz")}
