"""One of the paper's networks, without and with the layer, through the real commands."""

import json

import torch
from tiny_models import save_model

VANILLA, LLM4SEG = "nnUNetTrainerVanillaNoDeepSupervision_smoke", "nnUNetTrainerLLM4SegNoDeepSupervision_smoke"


def test_both_arms_of_cmunext_train_predict_and_compare(prepared_2d, tmp_path):
    project = prepared_2d.copy(tmp_path)
    dataset = "Dataset902_Discs"
    model = save_model(tmp_path / "language_model", torch.bfloat16)
    plan = ["llm4seg", "plan", "902", "-c", "2d", "--backbone", "cmunext-s", "--model", model, "--layer", "1"]
    assert "token grid 4x4 = 16 tokens" in project.run(*plan)
    vanilla, frozen = "nnUNetPlans_cmunext-s", "nnUNetPlans_cmunext-s_LLM4Seg"

    for trainer, plans in ((VANILLA, vanilla), (LLM4SEG, frozen)):
        project.train(dataset, "2d", 0, "-tr", trainer, "-p", plans)
        folder = project.model_folder(dataset, trainer, plans, "2d")
        debug = json.loads((folder / "fold_0" / "debug.json").read_text())
        assert debug["enable_deep_supervision"] == "False"
        weights = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
        assert any(key.startswith("bottleneck.layer.") for key in weights) == (plans == frozen)
        assert len(project.predict_here(folder)) == 3

    images = ["-i", project.raw / dataset / "imagesTs", "-o", "predicted", "-npp", "0", "-nps", "0", "--disable_tta"]
    names = ["-d", "902", "-tr", LLM4SEG, "-p", frozen, "-c", "2d", "-f", "0", "-device", "cpu"]
    project.run("nnUNetv2_predict", *images, *names)
    assert len(list((tmp_path / "predicted").glob("*.png"))) == 3

    said = project.run("llm4seg", "compare", "902", "2d", "--folds", "0", "-o", tmp_path / "report")
    assert "Not the bottleneck alone" not in said
    summary = json.loads((tmp_path / "report" / "comparison.json").read_text())
    assert summary["comparisons"] and not summary["differences"]
