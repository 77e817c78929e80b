"""The control without a language model: the adapters alone."""

import pickle

import pytest
import torch

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import CheckpointError, ConfigError, ModelNotFoundError
from nnunet_llm4seg.llm import source
from nnunet_llm4seg.llm.source import prepare_layer
from nnunet_llm4seg.plans.make import make_plans
from nnunet_llm4seg.plans.memory import planned_share
from nnunet_llm4seg.study.arms import read_arms
from nnunet_llm4seg.trainer.settings import Settings
from nnunet_llm4seg.trainer.stripping import embed, strip

IDENTITY = LLM4SegConfig(weights="identity")
ENTRY = {
    "patch_size": [64, 64],
    "batch_size": 2,
    "architecture": {"arch_kwargs": {"strides": [[1, 1], [4, 4]], "features_per_stage": [8, 16]}},
}


@pytest.fixture(autouse=True)
def nothing_may_be_read(monkeypatch, tmp_path):
    """No model files are located and none are fetched; there is no cache."""

    def asked(*_, **__):
        raise AssertionError("model files were asked for")

    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("locate", "locate_config", "read_layer"):
        monkeypatch.setattr(source, name, asked)


def test_the_default_is_two_linear_maps_of_llamas_width_without_any_files():
    block = LLMBottleneck(6, IDENTITY)
    assert {name: tuple(t.shape) for name, t in block.state_dict().items()} == {
        "adapter1.weight": (2048, 6),
        "adapter1.bias": (2048,),
        "adapter2.weight": (6, 2048),
        "adapter2.bias": (6,),
    }
    x = torch.randn(2, 6, 3, 4)
    tokens = x.flatten(2).mT
    expected = (tokens @ block.adapter1.weight.T + block.adapter1.bias) @ block.adapter2.weight.T + block.adapter2.bias
    assert torch.allclose(block(x), expected.mT.unflatten(2, (3, 4)), atol=1e-5)
    again = LLMBottleneck(6, IDENTITY, spec=pickle.loads(pickle.dumps(block)).spec)  # as for a prediction
    again.load_state_dict(block.state_dict())
    assert torch.equal(again.to("cpu")(x), block(x))


def test_the_width_of_a_folder_is_that_of_its_config(llama):
    config = LLM4SegConfig(model=str(llama), weights="identity", residual="zero")  # it has no layer 14
    assert LLMBottleneck(6, config).adapter1.weight.shape == (32, 6)


def test_settings_of_a_training_are_recorded_and_read_again():
    settings = Settings(IDENTITY, prepare_layer(IDENTITY).spec)
    assert Settings.from_dict(settings.to_dict()) == settings
    assert settings.spec.dtypes == {} and settings.spec.model_config["hidden_size"] == 2048


def test_plans_and_studies_take_it():
    share = planned_share(ENTRY, IDENTITY)
    assert (share.layer_parameters, share.file_bytes) == (0, 0)
    assert share.trained_parameters == 2 * 16 * 2048 + 2048 + 16
    plans = {"plans_name": "P", "configurations": {"2d": ENTRY}}
    fields = {"weights": "identity"}
    made = make_plans(plans, ["2d"], fields, "Q")
    assert made["configurations"]["2d"]["architecture"]["llm4seg"] == fields
    arms = read_arms({"vanilla": "vanilla", "identity": fields}, "s.yaml")
    assert [arm.config for arm in arms] == [None, IDENTITY]
    with pytest.raises(ModelNotFoundError, match="hidden size of 'a/b'"):
        make_plans(plans, ["2d"], {**fields, "model": "a/b"}, "Q")


def test_an_unknown_width_is_refused_without_asking_the_hub():
    for config in (LLM4SegConfig(model="a/b", weights="identity"), LLM4SegConfig(revision="x", weights="identity")):
        with pytest.raises(ModelNotFoundError, match="weights identity fetches nothing; give a folder"):
            prepare_layer(config)


def test_there_is_no_layer_to_train():
    with pytest.raises(ConfigError, match="trainable: true is not allowed with weights identity"):
        LLM4SegConfig(weights="identity", trainable=True)


def test_a_checkpoint_has_nothing_to_strip_or_embed(tmp_path):
    architecture = {"llm4seg_resolved": Settings(IDENTITY, prepare_layer(IDENTITY).spec).to_dict()}
    plans = {"configurations": {"2d": {"architecture": architecture}}}
    content = {
        "network_weights": {"encoder.w": torch.ones(3)},
        "current_epoch": 7,
        "init_args": {"plans": plans, "configuration": "2d"},
    }
    torch.save(content, tmp_path / "full.pth")
    for command in (strip, embed):
        with pytest.raises(CheckpointError, match="no LLM layer"):
            command(tmp_path / "full.pth", tmp_path / "light.pth")
