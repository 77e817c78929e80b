"""`embed_weights: false`: a checkpoint refers to its frozen layer by sha256."""

import shutil

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from tiny_models import save_model
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import LayerMismatchError, ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.network import inject


@pytest.fixture
def folder(llama, tmp_path):
    """A copy of the model that a test may change or remove."""
    return shutil.copytree(llama, tmp_path / "model")


def network(folder, spec=None, **fields):
    torch.manual_seed(0)
    vanilla = PlainConvUNet(
        1,
        3,
        (4, 6, 8),
        nn.Conv2d,
        3,
        (1, 2, 2),
        (1, 1, 1),
        2,
        (1, 1),
        norm_op=nn.InstanceNorm2d,
        nonlin=nn.ReLU,
    )
    return inject(vanilla, LLM4SegConfig(model=str(folder), layer=1, **fields), spec=spec)


def test_the_state_dict_has_no_key_of_the_layer_and_all_others(folder):
    slim, whole = (network(folder, embed_weights=keep).state_dict() for keep in (False, True))
    missing = whole.keys() - slim.keys()
    assert missing == {key for key in whole if key.startswith("bottleneck.layer.")}
    assert len(missing) == 9
    assert not slim.keys() - whole.keys()


def test_a_trained_layer_is_always_kept(folder):
    state = network(folder, embed_weights=False, trainable=True).state_dict()
    assert sum(key.startswith("bottleneck.layer.") for key in state) == 9


@pytest.mark.parametrize("weights", ["pretrained", "shuffled", "random"])
def test_loading_finds_the_layer_by_its_sha256(folder, weights):
    trained = network(folder, embed_weights=False, weights=weights, seed=3)
    skeleton = network(folder, trained.bottleneck.spec, embed_weights=False, weights=weights, seed=3)
    assert not skeleton.bottleneck.loaded
    skeleton.load_state_dict(trained.state_dict())
    x = torch.randn(1, 1, 16, 16)
    assert torch.equal(skeleton.eval()(x), trained.eval()(x))


def test_a_random_layer_needs_no_model_files(folder):
    trained = network(folder, embed_weights=False, weights="random")
    state = trained.state_dict()
    shutil.rmtree(folder)
    skeleton = network(folder, trained.bottleneck.spec, embed_weights=False, weights="random")
    skeleton.load_state_dict(state)
    assert skeleton.bottleneck.loaded


def test_a_layer_that_is_loaded_is_not_looked_up_again(folder):
    trained = network(folder, embed_weights=False)
    shutil.rmtree(folder)
    trained.load_state_dict(trained.state_dict())


def test_a_whole_checkpoint_loads_into_a_slim_network_without_the_model(folder):
    whole = network(folder)
    shutil.rmtree(folder)
    slim = network(folder, whole.bottleneck.spec, embed_weights=False)
    slim.load_state_dict(whole.state_dict())
    assert slim.bottleneck.loaded


def _load_after(folder, change):
    trained = network(folder, embed_weights=False)
    state, sha256 = trained.state_dict(), trained.bottleneck.spec.sha256
    skeleton = network(folder, trained.bottleneck.spec, embed_weights=False)
    change()
    return skeleton, state, sha256


def test_a_missing_model_is_one_sentence_with_the_sha256_and_the_model(folder):
    skeleton, state, sha256 = _load_after(folder, lambda: shutil.rmtree(folder))
    with pytest.raises(ModelNotFoundError) as error:
        skeleton.load_state_dict(state)
    assert all(part in str(error.value) for part in (sha256, str(folder), "lacks it"))
    assert not skeleton.bottleneck.loaded


def test_a_model_with_another_layer_is_refused_with_both_sha256(folder):
    def change():
        shutil.rmtree(folder)
        save_model(folder, seed=1)

    skeleton, state, sha256 = _load_after(folder, change)
    with pytest.raises(
        LayerMismatchError, match=f"given layer has sha256 [0-9a-f]{{64}}, but the plans name {sha256}"
    ):
        skeleton.load_state_dict(state)
    assert not skeleton.bottleneck.loaded


def test_a_model_whose_files_are_incomplete_is_one_sentence(folder):
    skeleton, state, _ = _load_after(folder, (folder / "model.safetensors").unlink)
    with pytest.raises(ModelFilesError, match=r"by sha256 .* contains no model\.safetensors"):
        skeleton.load_state_dict(state)


def test_part_of_a_layer_is_not_taken_for_a_reference(folder):
    whole = network(folder).state_dict()
    key = next(key for key in whole if key.startswith("bottleneck.layer."))
    slim = network(folder, embed_weights=False)
    state = {**slim.state_dict(), key: whole[key]}
    with pytest.raises(RuntimeError, match="Missing key"):
        slim.load_state_dict(state)
