"""From a vanilla training to an LLM4Seg one, through the real commands."""

import re
import shutil

import numpy as np

SHORT = "nnUNetTrainerLLM4SegGatedShort"
PLANS = "nnUNetPlans_LLM4Seg"


def test_a_warm_start_predicts_as_the_vanilla_network_and_trains_on(llama_bf16, prepared_2d, tmp_path):
    project = prepared_2d.copy(tmp_path)
    dataset = "Dataset902_Discs"

    def llm4seg(*words):
        return project.run("llm4seg", *words)

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
    before = project.predict_here(vanilla)
    for checkpoint in ("checkpoint_warm.pth", "checkpoint_light.pth"):
        after = project.predict_here(ours, checkpoint)
        assert len(before) == len(after) == 3
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-6)


def assert_trained(log):
    losses = [float(value) for value in re.findall(r"train_loss (\S+)", log)]
    assert len(losses) > 1 and np.isfinite(losses).all()
