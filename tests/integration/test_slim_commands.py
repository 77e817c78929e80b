"""`embed_weights: false` and `max_tokens` through the real commands."""

import json
import shutil

import pytest
import torch
from project import Project, add_dataset_2d
from tiny_models import save_model

pytestmark = pytest.mark.integration

TRAINER = "nnUNetTrainerLLM4SegShort"


def test_slim_checkpoints_need_the_model_at_prediction_and_say_so(tmp_path):
    project = Project(tmp_path)
    dataset = add_dataset_2d(project, 904)
    model = save_model(tmp_path / "language_model", torch.bfloat16)
    project.run("nnUNetv2_plan_and_preprocess", "-d", "904", "-c", "2d", "-np", "1", "-npfp", "1")
    plan = ["llm4seg", "plan", "904", "-c", "2d", "--model", model, "--layer", "1", "--no-embed-weights"]
    project.run(*plan, "-o", "Slim")
    assert "max_tokens: stage -1 has" in project.run(*plan, "-o", "Tight", "--max-tokens", "3", rc=2)
    folder = project.preprocessed / dataset
    assert not (folder / "Tight.json").exists()
    tight = json.loads((folder / "Slim.json").read_text())
    tight["plans_name"] = "Tight"
    tight["configurations"]["2d"]["architecture"]["llm4seg"]["max_tokens"] = 3
    (folder / "Tight.json").write_text(json.dumps(tight))

    refused = project.train(dataset, "2d", 0, "-tr", TRAINER, "-p", "Tight", rc=1)
    assert "ConfigError: max_tokens: stage -1 has" in refused
    assert not list(project.model_folder(dataset, TRAINER, "Tight", "2d").rglob("checkpoint_*"))

    assert "tokens at patch" in project.train(dataset, "2d", 0, "-tr", TRAINER, "-p", "Slim")
    folder = project.model_folder(dataset, TRAINER, "Slim", "2d")
    weights = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    assert not [key for key in weights if key.startswith("bottleneck.layer.")]
    assert "bottleneck.adapter1.weight" in weights

    images = project.raw / dataset / "imagesTs"
    options = ["-d", "904", "-i", images, "-tr", TRAINER, "-p", "Slim", "-c", "2d", "-f", "0"]
    options += ["-device", "cpu", "-npp", "1", "-nps", "1", "--disable_tta"]
    project.run("nnUNetv2_predict", *options, "-o", tmp_path / "with")
    assert len(list((tmp_path / "with").glob("*.png"))) == len(list(images.iterdir()))

    shutil.rmtree(model)
    gone = project.run("nnUNetv2_predict", *options, "-o", tmp_path / "without", rc=1)
    assert "ModelNotFoundError: this checkpoint refers to its LLM layer by sha256" in gone
    save_model(model, torch.bfloat16, seed=1)
    other = project.run("nnUNetv2_predict", *options, "-o", tmp_path / "other", rc=1)
    assert "LayerMismatchError: the given layer has sha256" in other
    assert not list((tmp_path / "without").glob("*.png")) + list((tmp_path / "other").glob("*.png"))
