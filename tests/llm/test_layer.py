"""The life of the layer's tensors: filling, loading, casts and moves, storing; and tokens without a grid."""

import copy
import math

import pytest
import torch
from tiny_models import save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import LayerMismatchError, LayerNotLoadedError
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer import LLMLayer

X = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0))


def make(folder, **fields) -> LLMBottleneck:
    torch.manual_seed(1)
    return LLMBottleneck(6, LLM4SegConfig(model=str(folder), layer=1, **fields))


def held_sha256(block) -> str:
    state = block.state_dict()
    return layer_sha256({k.removeprefix("layer."): v for k, v in state.items() if k.startswith("layer.")})


def test_tokens_go_through_the_layer_without_a_grid(llama):
    config = LLM4SegConfig(model=str(llama), layer=1, positions="axial")
    layer, block = LLMLayer(config), LLMBottleneck(6, config)
    tokens = torch.randn(2, 12, layer.hidden_size)
    assert layer(tokens).shape == tokens.shape
    assert torch.equal(layer(tokens, (3, 4)), block.layer(tokens, (3, 4)))
    assert not torch.equal(layer(tokens, (3, 4)), layer(tokens))  # as one axis of 12
    assert layer.state_dict().keys() == {name for name, _ in layer.named_parameters()}
    again = LLMLayer(config, spec=layer.spec)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again(tokens), layer(tokens))


def test_a_layer_of_its_own_is_found_by_its_sha256(llama):
    layer = LLMLayer(LLM4SegConfig(model=str(llama), layer=1, embed_weights=False))
    assert not layer.state_dict()
    again = LLMLayer(layer.config, spec=layer.spec)
    again.load_state_dict(layer.state_dict())
    tokens = torch.randn(1, 5, layer.hidden_size)
    assert torch.equal(again(tokens), layer(tokens))


def test_a_copy_runs_its_own_layer(llama):
    block = make(llama, trainable=True)
    other = copy.deepcopy(block)
    with torch.no_grad():
        other.layer.mlp.up_proj.weight.zero_()
    assert not torch.allclose(other(X), block(X))


@pytest.mark.parametrize("cast", ["half", "bfloat16", "double", "float"])
@pytest.mark.parametrize("fields", [{}, {"residual": "gated"}, {"trainable": True}], ids=str)
def test_casting_a_network_leaves_layer_and_adapters_as_they_are(llama, llama_bf16, cast, fields):
    for folder in (llama, llama_bf16):
        block = make(folder, **fields)
        before = {k: v.clone() for k, v in block.state_dict().items()}
        output = block(X)
        getattr(block, cast)()
        assert all(torch.equal(v, before[k]) and v.dtype == before[k].dtype for k, v in block.state_dict().items())
        assert torch.equal(block(X), output)
        dtype = {"half": torch.half, "bfloat16": torch.bfloat16, "double": torch.double, "float": torch.float}[cast]
        assert block(X.to(dtype)).dtype == dtype
        again = LLMBottleneck(6, block.config, spec=block.spec)
        again.load_state_dict(block.float().state_dict())
        assert torch.equal(again(X), output)


@pytest.mark.parametrize("model", ["llama", "llama_bf16"])
@pytest.mark.parametrize("fields", [{}, {"residual": "gated", "dtype": "bfloat16"}, {"trainable": True}], ids=str)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_assigning_a_state_dict_fills_a_skeleton_also_on_meta(model, fields, device, request):
    block = make(request.getfixturevalue(model), **fields)
    with torch.device(device):
        skeleton = LLMBottleneck(6, block.config, spec=block.spec)
    state = {k: v.half() if k.startswith("adapter") else v for k, v in block.state_dict().items()}
    with pytest.raises(LayerNotLoadedError, match="assign=True"):
        skeleton(X)
    skeleton.load_state_dict(state, assign=True)
    block.load_state_dict(state)
    assert torch.equal(skeleton(X), block(X))
    assert held_sha256(skeleton) == held_sha256(block)
    assert [(p.dtype, p.requires_grad) for p in skeleton.parameters()] == [
        (p.dtype, p.requires_grad) for p in block.parameters()
    ]


@pytest.mark.filterwarnings("ignore:for .*no-op")
def test_a_skeleton_on_meta_that_got_no_values_refuses_to_run(llama):
    block = make(llama)
    with torch.device("meta"):
        skeleton = LLMBottleneck(6, block.config, spec=block.spec)
    skeleton.load_state_dict(block.state_dict())  # torch copies nothing to meta
    with pytest.raises(LayerNotLoadedError):
        skeleton(X)


def test_a_layer_whose_memory_was_given_up_refuses_to_run(llama):
    block = make(llama)
    for lost in (copy.deepcopy(block).to_empty(device="cpu"), copy.deepcopy(block).to("meta").to_empty(device="cpu")):
        with pytest.raises(LayerNotLoadedError):
            lost(X)
        lost.load_state_dict(block.state_dict())
        assert torch.equal(lost(X), block(X))


def test_a_layer_is_loaded_only_after_loading_has_succeeded(llama):
    block = make(llama, trainable=True)
    state = {**block.state_dict(), "layer.mlp.up_proj.weight": torch.zeros(5, 32)}
    skeleton = LLMBottleneck(6, block.config, spec=block.spec)
    with pytest.raises(RuntimeError, match=r"size mismatch for layer\.mlp\.up_proj\.weight"):
        skeleton.load_state_dict(state)
    with pytest.raises(LayerNotLoadedError):
        skeleton(X)
    skeleton.load_state_dict(block.state_dict())
    assert torch.equal(skeleton(X), block(X))


def test_a_refused_layer_changes_nothing_not_even_the_adapters(llama, tmp_path):
    block, other = make(llama), make(save_model(tmp_path, seed=1))
    with torch.no_grad():
        other.adapter1.weight.add_(1)
    before = {k: v.clone() for k, v in block.state_dict().items()}
    with pytest.raises(LayerMismatchError):
        block.load_state_dict(other.state_dict())
    assert all(torch.equal(v, before[k]) for k, v in block.state_dict().items())
    block.load_state_dict(before)
    assert block.loaded


def test_a_part_of_another_frozen_layer_is_refused(llama, tmp_path):
    block, other = make(llama), make(save_model(tmp_path, seed=1))
    key = "layer.mlp.up_proj.weight"
    with pytest.raises(LayerMismatchError, match="holds 1 of the frozen LLM layer's 9 tensors"):
        block.load_state_dict({key: other.state_dict()[key]}, strict=False)
    assert held_sha256(block) == block.spec.sha256


def test_keep_vars_gives_the_parameters_themselves_and_loads_again(llama_bf16):
    for fields in ({}, {"trainable": True}):
        block = make(llama_bf16, **fields)
        state = block.state_dict(keep_vars=True)
        assert all(state[name] is parameter for name, parameter in block.named_parameters())
        again = LLMBottleneck(6, block.config, spec=block.spec)
        again.load_state_dict(state)
        assert torch.equal(again(X), block(X))


@pytest.mark.parametrize("residual", ["none", "gated"])
def test_a_batch_of_0_comes_out_as_one(llama, residual):
    assert make(llama, residual=residual)(X[:0]).shape == (0, 6, 3, 4)


def test_the_share_of_clamped_values_is_counted_also_when_compiled(llama):
    block = make(llama)
    with torch.no_grad():
        block.adapter2.weight.zero_()
        block.adapter2.bias.copy_(torch.tensor([0.0, 1.0, 1e5, -1e6, 2.0, 3.0]))
    for run in (block, torch.compile(block, fullgraph=True, backend="aot_eager")):
        output = run(X.half())
        assert block.finite and block.clamped.item() == pytest.approx(2 / 6)
        assert output.abs().max() == 65504
        run(X)
        assert block.clamped == 0


def test_an_inf_that_comes_in_is_told_from_one_that_the_layer_makes(llama):
    block = make(llama)
    block(torch.full_like(X, math.inf))
    assert not block.finite and not block.finite_input
    with torch.no_grad():
        block.adapter2.bias.fill_(math.nan)
    block(X)
    assert not block.finite and block.finite_input
