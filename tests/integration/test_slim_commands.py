"""`embed_weights: false` and `max_tokens` through the real commands."""

import json
import shutil

import pytest
import torch
from tiny_models import save_model

from nnunet_llm4seg.errors import LayerMismatchError, ModelNotFoundError

TRAINER = "nnUNetTrainerLLM4SegShort"


def test_slim_checkpoints_need_the_model_at_prediction_and_say_so(prepared_2d, tmp_path):
    project = prepared_2d.copy(tmp_path)
    dataset = "Dataset902_Discs"
    model = save_model(tmp_path / "language_model", torch.bfloat16)
    plan = ("llm4seg", "plan", dataset, "-c", "2d", "--model", model, "--layer", 1, "--no-embed-weights")
    project.run(*plan, "-o", "Slim")
    assert "max_tokens: stage -1 has" in project.run(*plan, "-o", "Tight", "--max-tokens", 3, rc=2)
    assert not (project.preprocessed / dataset / "Tight.json").exists()
    plans = json.loads((project.preprocessed / dataset / "Slim.json").read_text())
    plans["configurations"]["2d"]["architecture"]["llm4seg"]["max_tokens"] = 3
    (project.preprocessed / dataset / "Tight.json").write_text(json.dumps({**plans, "plans_name": "Tight"}))

    refused = project.train(dataset, "2d", 0, "-tr", TRAINER, "-p", "Tight", rc=1)
    assert "ConfigError: max_tokens: stage -1 has" in refused
    assert not list(project.model_folder(dataset, TRAINER, "Tight", "2d").rglob("checkpoint_*"))

    assert "tokens at patch" in project.train(dataset, "2d", 0, "-tr", TRAINER, "-p", "Slim")
    folder = project.model_folder(dataset, TRAINER, "Slim", "2d")
    weights = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    assert not [key for key in weights if key.startswith("bottleneck.layer.")]
    assert "bottleneck.adapter1.weight" in weights

    assert len(project.predict_here(folder)) == 3
    shutil.rmtree(model)
    with pytest.raises(ModelNotFoundError, match="this checkpoint refers to its LLM layer by sha256"):
        project.predict_here(folder)
    save_model(model, torch.bfloat16, seed=1)
    with pytest.raises(LayerMismatchError, match="the given layer has sha256"):
        project.predict_here(folder)
