import copy

import pytest
import torch
from torch import nn
from trained_folders import PATCH, build

from nnunet_llm4seg.analysis.recording import attention_weights, record
from nnunet_llm4seg.errors import NetworkError


def hooks_in(network):
    names = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_always_called", "_backward_hooks")
    return [(name, list(getattr(module, name))) for module in network.modules() for name in names]


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("llm", [True, False])
def test_network_is_untouched(tmp_path, dim, llm):
    network = build(tmp_path, dim, llm)[0].train()
    patch = torch.randn(1, *PATCH[dim])
    weights, hooks = copy.deepcopy(network.state_dict()), hooks_in(network)
    modes = [module.training for module in network.modules()]
    with torch.no_grad():
        output = network(patch[None])
    recording = record(network, patch)
    assert hooks_in(network) == hooks
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
    with torch.no_grad():
        assert torch.equal(network(patch[None]), output)
    assert torch.equal(recording.logits, output[0])  # instance norm: train and eval modes compute the same


@pytest.mark.parametrize("dim", [2, 3])
def test_before_and_after_are_the_bottlenecks_input_and_output(tmp_path, dim):
    network = build(tmp_path, dim, True)[0]
    recording = record(network, torch.randn(1, *PATCH[dim]))
    with torch.no_grad():
        assert torch.equal(network.bottleneck(recording.before[None])[0], recording.after)


def test_other_stage_is_recorded_where_the_layer_sits(tmp_path):
    recording = record(build(tmp_path, 2, True, stage=-2)[0], torch.randn(1, *PATCH[2]))
    assert recording.before.shape == recording.after.shape == (8, 16, 16)


def test_vanilla_network_has_only_a_before(tmp_path):
    recording = record(build(tmp_path, 2, False)[0], torch.randn(1, *PATCH[2]))
    assert recording.before.shape == (12, 8, 8)
    assert recording.after is None and recording.attention is None


@pytest.mark.parametrize("fields", [{}, {"attention": "bidirectional", "positions": "axial", "residual": "gated"}])
def test_attention_weights_are_the_ones_the_layer_applies(tmp_path, monkeypatch, fields):
    network = build(tmp_path, 2, True, **fields)[0]
    calls = []
    original = nn.functional.scaled_dot_product_attention

    def spy(query, key, value, *args, **kwargs):
        calls.append((value, original(query, key, value, *args, **kwargs)))
        return calls[-1][1]

    patch = torch.randn(1, *PATCH[2])
    attention = record(network, patch).attention
    assert attention.shape == (4, 64, 64)
    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", spy)
    with torch.no_grad():
        network.eval()(patch[None])
    ((value, applied),) = calls
    value = value.repeat_interleave(4 // value.shape[1], dim=1)
    torch.testing.assert_close(attention @ value[0], applied[0], rtol=1e-5, atol=1e-5)
    assert (attention.triu(1) == 0).all() == (not fields)


def test_eager_attention_gives_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("nnunet_llm4seg.llm.inputs.works_without_mask", lambda *_: False)  # eager attention needs one
    network, patch = build(tmp_path, 2, True)[0], torch.randn(1, *PATCH[2])
    fused = record(network, patch).attention
    network.bottleneck.layer.self_attn.config._attn_implementation = "eager"
    torch.testing.assert_close(record(network, patch).attention, fused)


@pytest.mark.parametrize(
    "extra",
    [
        {"is_causal": True},
        {"attn_mask": torch.rand(6, 6) > 0.3},
        {"attn_mask": torch.randn(6, 6), "scale": 0.3},
    ],
)
def test_weights_follow_torchs_arguments(extra):
    if extra.get("attn_mask") is not None and extra["attn_mask"].dtype == torch.bool:
        extra["attn_mask"].fill_diagonal_(True)
    query, key, value = torch.randn(3, 2, 4, 6, 8).unbind()
    expected = nn.functional.scaled_dot_product_attention(query, key, value, **extra)
    torch.testing.assert_close(attention_weights(query, key, value, **extra) @ value, expected)


def test_network_without_encoder_is_refused():
    with pytest.raises(NetworkError, match="Linear has no encoder"):
        record(nn.Linear(2, 2), torch.zeros(1, 2))
