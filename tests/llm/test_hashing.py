import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import save_model

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm import cache
from nnunet_llm4seg.llm.source import prepare_layer


def hashed(folder):
    return cache.hash_layer(folder / "model.safetensors", folder / "config.json", 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_hash_from_bytes_is_that_of_the_loaded_layer(tmp_path, dtype):
    folder = save_model(tmp_path, dtype)
    assert hashed(folder) == prepare_layer(LLM4SegConfig(model=str(folder), layer=1)).spec.sha256


def test_old_names_of_tensors_have_the_hash_of_todays(tmp_path):
    shape = {"model_type": "bert", "num_attention_heads": 2, "max_position_embeddings": 8}
    folder = save_model(tmp_path, **shape)
    today = prepare_layer(LLM4SegConfig(model=str(folder), layer=1, positions="none")).spec.sha256
    assert hashed(folder) == today
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = load_file(folder / "model.safetensors")
    for name in list(state):
        for new, former in old.items():
            if name.endswith(new):
                state[name.removesuffix(new) + former] = state.pop(name)
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    assert hashed(folder) == today
