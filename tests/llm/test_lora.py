"""Low-rank updates beside a frozen layer: same start, same names, trained and stored on their own."""

import copy
import pickle

import pytest
import torch
from tiny_models import LLAMA, save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import ConfigError, ModelFilesError
from nnunet_llm4seg.llm.lora import add_low_rank
from nnunet_llm4seg.plans.memory import estimate_share

X = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0))
MAPS = {f"self_attn.{name}_proj" for name in "qkvo"} | {f"mlp.{name}_proj" for name in ("gate", "up", "down")}


def make(folder, rank=2, **fields):
    torch.manual_seed(1)
    return LLMBottleneck(6, LLM4SegConfig.from_dict({"model": str(folder), "layer": 1, "lora_rank": rank, **fields}))


def moved(block):
    """The same block with updates that are not zero."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in block.lora.parameters():
            parameter.normal_(0.0, 0.1, generator=generator)
    return block


def test_it_starts_as_the_layer_itself_whose_names_and_sha256_stay(llama):
    plain, adapted = make(llama, rank=0), make(llama)
    assert torch.equal(adapted(X), plain(X))
    assert adapted.spec == plain.spec
    new = adapted.state_dict().keys() - plain.state_dict().keys()
    assert new == {f"lora.{name}.{part}" for name in MAPS for part in "AB"}
    assert plain.state_dict().keys() < adapted.state_dict().keys()


def test_an_update_is_what_changing_the_map_would_do(llama):
    block, other = moved(make(llama)), make(llama, rank=0, trainable=True)
    with torch.no_grad():
        for name in MAPS:
            update = block.lora.get_submodule(name)
            other.layer.get_submodule(name).weight.add_(update.B @ update.A)
    torch.testing.assert_close(block(X), other(X), rtol=1e-5, atol=1e-5)


def test_only_updates_and_adapters_are_trained(llama):
    block = moved(make(llama))
    block(X).square().sum().backward()
    assert all(p.grad is None for p in block.layer.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in block.lora.parameters())
    first = make(llama)
    first(X).square().sum().backward()
    for name in MAPS:
        assert first.lora.get_submodule(name).B.grad.abs().sum() > 0


@pytest.mark.parametrize("fields", [{}, {"embed_weights": False}, {"depth": 2}], ids=str)
def test_a_checkpoint_contains_the_updates_whether_or_not_it_contains_the_layer(llama_bf16, fields):
    block = moved(make(llama_bf16, **fields))
    state = block.state_dict()
    assert any(key.startswith("layer.") for key in state) == fields.get("embed_weights", True)
    again = LLMBottleneck(6, block.config, spec=block.spec)
    again.load_state_dict(state)
    assert torch.equal(again(X), block(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))])
def test_a_copy_has_updates_of_its_own(llama, copied):
    block = moved(make(llama))
    output, other = block(X), copied(block)
    assert torch.equal(other(X), output)
    with torch.no_grad():
        other.lora.mlp.up_proj.B.add_(1.0)
    assert not torch.allclose(other(X), output)
    assert torch.equal(block(X), output)


def test_it_compiles_to_one_graph_of_its_own(llama):
    for block in (make(llama, rank=0), moved(make(llama)), moved(make(llama, rank=3)), make(llama, rank=0)):
        compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(X), block(X))


def test_it_works_in_bfloat16_and_keeps_its_own_float32(llama_bf16):
    exact, rounded = moved(make(llama_bf16)), moved(make(llama_bf16, dtype="bfloat16"))
    assert all(p.dtype == torch.float32 for p in rounded.half().lora.parameters())
    error = (rounded(X) - exact(X)).norm() / exact(X).norm()
    assert 0 < error < 3e-2
    with torch.autocast("cpu", torch.float16):
        assert torch.isfinite(rounded(X.half())).all()


def test_gpt2s_maps_are_adapted_too(tmp_path):
    shape = {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 40, "bos_token_id": 1, "eos_token_id": 2}
    folder = save_model(tmp_path, model_type="gpt2", **shape)
    block = moved(make(folder, positions="none"))
    maps = {name.rpartition(".")[0] for name, _ in block.lora.named_parameters()}
    assert maps == {"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}
    assert not torch.allclose(block(X), make(folder, rank=0, positions="none")(X))


def test_the_estimate_counts_its_parameters():
    plain, adapted = (estimate_share(LLAMA, LLM4SegConfig(layer=1, lora_rank=n), 8, (4, 4), 2) for n in (0, 2))
    assert adapted.layer_parameters == plain.layer_parameters
    inputs_and_outputs = 2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 48)
    assert adapted.trained_parameters - plain.trained_parameters == 2 * inputs_and_outputs


def test_what_has_nothing_frozen_to_adapt_is_refused():
    for fields in ({"trainable": True}, {"weights": "identity"}):
        with pytest.raises(ConfigError, match="lora_rank: 8 is not allowed with"):
            LLM4SegConfig(lora_rank=8, **fields)
    with pytest.raises(ConfigError, match="lora_rank: -1"):
        LLM4SegConfig(lora_rank=-1)
    with pytest.raises(ModelFilesError, match="no linear maps"):
        add_low_rank(torch.nn.ReLU(), 2)
