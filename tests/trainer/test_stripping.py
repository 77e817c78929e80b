import pytest
import torch

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import CheckpointError, LayerMismatchError, ModelNotFoundError
from nnunet_llm4seg.llm.source import prepare_layer
from nnunet_llm4seg.trainer.settings import Settings
from nnunet_llm4seg.trainer.stripping import embed, strip


@pytest.fixture
def checkpoint(llama_bf16, tmp_path):
    """Save a checkpoint with a layer of a tiny LLaMA; returns its path."""

    def save(layer=None, **fields):
        config = LLM4SegConfig(model=str(llama_bf16), layer=1, **fields)
        prepared = prepare_layer(config)
        spec, tensors = prepared.spec, prepared.tensors
        weights = {f"bottleneck.layer.{name}": t for name, t in (layer or tensors).items()}
        architecture = {"llm4seg_resolved": Settings(config, spec).to_dict()}
        plans = {"configurations": {"2d": {"architecture": architecture}, "child": {"inherits_from": "2d"}}}
        content = {
            "network_weights": {
                "encoder.w": torch.ones(3),
                "bottleneck.lora.mlp.up_proj.A": torch.ones(2),
                **weights,
            },
            "current_epoch": 7,
            "init_args": {"plans": plans, "configuration": "child"},
        }
        torch.save(content, tmp_path / "full.pth")
        return tmp_path / "full.pth"

    return save


def load(path):
    return torch.load(path, weights_only=False)


@pytest.mark.parametrize("fields", [{}, {"depth": 2}, {"lora_rank": 2}], ids=str)
def test_strip_and_embed_give_back_the_same_checkpoint(checkpoint, tmp_path, fields):
    full = checkpoint(**fields)
    strip(full, tmp_path / "light.pth")
    light = load(tmp_path / "light.pth")
    assert list(light["network_weights"]) == ["encoder.w", "bottleneck.lora.mlp.up_proj.A"]
    assert light["current_epoch"] == 7
    assert (tmp_path / "light.pth").stat().st_size < full.stat().st_size
    embed(tmp_path / "light.pth", tmp_path / "again.pth")
    before, after = load(full)["network_weights"], load(tmp_path / "again.pth")["network_weights"]
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before)


@pytest.mark.parametrize("weights", ["shuffled", "random"])
def test_controls_are_made_again_from_their_seed(checkpoint, tmp_path, weights):
    full = checkpoint(weights=weights, seed=3)
    strip(full, tmp_path / "light.pth")
    embed(tmp_path / "light.pth", tmp_path / "again.pth")
    before, after = load(full)["network_weights"], load(tmp_path / "again.pth")["network_weights"]
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_layer_that_is_not_the_plans_is_not_stripped(checkpoint, llama_bf16, tmp_path):
    other = prepare_layer(LLM4SegConfig(model=str(llama_bf16), layer=2)).tensors
    with pytest.raises(LayerMismatchError, match="nothing is written"):
        strip(checkpoint(other), tmp_path / "light.pth")
    assert not (tmp_path / "light.pth").exists()


def test_a_trained_layer_stays(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="exists nowhere else"):
        strip(checkpoint(trainable=True), tmp_path / "light.pth")


def test_nothing_is_overwritten(checkpoint, tmp_path):
    full = checkpoint()
    with pytest.raises(CheckpointError, match="already exists"):
        strip(full, full)


def test_a_stripped_checkpoint_is_not_stripped_again(checkpoint, tmp_path):
    strip(checkpoint(), tmp_path / "light.pth")
    with pytest.raises(CheckpointError, match="nothing to strip"):
        strip(tmp_path / "light.pth", tmp_path / "lighter.pth")


def test_a_vanilla_checkpoint_is_named(tmp_path):
    content = {"network_weights": {}, "current_epoch": 1, "init_args": {"plans": {"configurations": {}}}}
    torch.save(content, tmp_path / "vanilla.pth")
    with pytest.raises(CheckpointError, match="not written by an LLM4Seg trainer"):
        strip(tmp_path / "vanilla.pth", tmp_path / "light.pth")


def test_a_layer_that_is_nowhere_is_named_when_embedding(checkpoint, llama_bf16, tmp_path):
    strip(checkpoint(), tmp_path / "light.pth")
    light = load(tmp_path / "light.pth")
    architecture = light["init_args"]["plans"]["configurations"]["2d"]["architecture"]
    architecture["llm4seg_resolved"]["config"]["model"] = "/no/such/folder"
    torch.save(light, tmp_path / "moved.pth")
    with pytest.raises(ModelNotFoundError, match="/no/such/folder"):
        embed(tmp_path / "moved.pth", tmp_path / "again.pth")
