"""The layer inside feature maps: parity with the official code, behaviour, precision, loading."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import layer_tensors, save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import LayerMismatchError, LayerNotLoadedError
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.source import LayerSpec, prepare_layer


def make(folder, channels=6, layer=1, **fields) -> LLMBottleneck:
    torch.manual_seed(1)
    return LLMBottleneck(channels, LLM4SegConfig(model=str(folder), layer=layer, **fields))


def relative(value, reference) -> float:
    return ((value - reference).norm() / reference.norm()).item()


def by_hand(x, block, weights, heads, kv_heads, eps=1e-5):
    """The official computation in a few lines, from raw tensors: no transformers, no module of ours."""
    b, c, h, w = x.shape
    t = x.flatten(2).transpose(1, 2) @ block.adapter1.weight.T + block.adapter1.bias

    def norm(v, gain):
        return v / (v.pow(2).mean(-1, keepdim=True) + eps).sqrt() * gain

    def project(v, name):
        bias = weights.get(f"self_attn.{name}_proj.bias", 0.0)
        return v @ weights[f"self_attn.{name}_proj.weight"].T + bias

    y, n = norm(t, weights["input_layernorm.weight"]), h * w
    q, k, v = (project(y, name).view(b, n, -1, t.shape[-1] // heads).transpose(1, 2) for name in "qkv")
    index = torch.arange(n, dtype=torch.float32)[:, None]

    def turned(u):
        first, second = u.chunk(2, dim=-1)
        return u * index.sin() + torch.cat((-second, first), dim=-1) * index.cos()

    k, v = (u.repeat_interleave(heads // kv_heads, dim=1) for u in (turned(k), v))
    scores = turned(q) @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
    t = t + project((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1), "o")
    y = norm(t, weights["post_attention_layernorm.weight"])
    gate = torch.nn.functional.silu(y @ weights["mlp.gate_proj.weight"].T)
    t = t + (gate * (y @ weights["mlp.up_proj.weight"].T)) @ weights["mlp.down_proj.weight"].T
    return (t @ block.adapter2.weight.T + block.adapter2.bias).transpose(1, 2).reshape(b, c, h, w)


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral"])
def test_preset_paper_is_the_official_formula(tmp_path, family):
    folder = save_model(tmp_path, model_type=family)
    block = make(folder)
    x, same = (torch.randn(2, 6, 4, 5, generator=torch.Generator().manual_seed(0)) for _ in range(2))
    ours, theirs = x.requires_grad_(), same.requires_grad_()
    output = block(ours)
    reference = by_hand(theirs, block, layer_tensors(folder, 1), heads=4, kv_heads=2)
    assert relative(output, reference) < 1e-5
    (output**2).sum().backward()
    gradients = {n: p.grad.clone() for n, p in block.named_parameters() if p.grad is not None}
    block.zero_grad()
    (reference**2).sum().backward()
    assert relative(ours.grad, theirs.grad) < 1e-5
    assert set(gradients) == {"adapter1.weight", "adapter1.bias", "adapter2.weight", "adapter2.bias"}
    assert all(relative(gradients[n], block.get_parameter(n).grad) < 1e-5 for n in gradients)


@pytest.mark.parametrize("name", ["llama_4x4", "qwen2_5x3"])
def test_preset_paper_reproduces_the_official_codes_outputs(shared, name):
    folder = shared / "golden" / name
    case, golden = json.loads((folder / "case.json").read_text()), load_file(folder / "case.safetensors")
    block = make(folder, case["ch"], case["layer"])
    adapters = {key: tensor for key, tensor in golden.items() if key.startswith("adapter")}
    block.load_state_dict({**block.state_dict(), **adapters})
    x = golden["input"].requires_grad_()
    output = block(x)
    (output**2).sum().backward()
    assert relative(output, golden["output"]) < 1e-5
    assert relative(x.grad, golden["grad_input"]) < 1e-5
    assert relative(block.adapter1.weight.grad, golden["grad_adapter1.weight"]) < 1e-5
    assert relative(block.adapter2.weight.grad, golden["grad_adapter2.weight"]) < 1e-5
    assert sum(p.numel() for p in block.parameters() if p.requires_grad) == case["trainable"]


@pytest.mark.parametrize("grid", [(4, 4), (3, 7), (1, 1), (2, 3, 4), (5, 1, 2)])
@pytest.mark.parametrize("positions", ["paper", "rope", "axial", "none"])
def test_any_grid_keeps_its_shape(llama, grid, positions):
    x = torch.randn(2, 6, *grid)
    output = make(llama, positions=positions)(x)
    assert output.shape == x.shape
    assert output.dtype == x.dtype


@pytest.mark.parametrize(("attention", "sees_the_last"), [("causal", False), ("bidirectional", True)])
def test_the_first_token_sees_the_last_only_if_bidirectional(llama, attention, sees_the_last):
    block = make(llama, attention=attention)
    x = torch.randn(1, 6, 3, 3)
    changed = x.clone()
    changed[..., -1, -1] += 1
    moved = (block(x) - block(changed)).abs()[0, :, 0, 0].max().item()
    assert (moved > 1e-6) == sees_the_last


def test_without_positions_bidirectional_attention_ignores_the_order(llama):
    block = make(llama, attention="bidirectional", positions="none")
    x = torch.randn(1, 6, 3, 3)
    assert torch.allclose(block(x.flip(2, 3)), block(x).flip(2, 3), atol=1e-5)
    block = make(llama, attention="bidirectional", positions="rope")
    assert not torch.allclose(block(x.flip(2)), block(x).flip(2), atol=1e-3)


def test_gated_residual_starts_as_the_exact_identity_and_can_leave_it(llama):
    block = make(llama, residual="gated")
    x = torch.randn(2, 6, 4, 4)
    output = block(x)
    assert torch.equal(output, x)
    output.sum().backward()
    assert block.gate.grad.abs().item() > 0


def test_a_residual_from_zero_starts_as_the_exact_identity_and_learns_at_full_rate(llama):
    block = make(llama, residual="zero")
    x = torch.randn(2, 6, 4, 4)
    output = block(x)
    assert torch.equal(output, x) and block.share == 0
    output.square().sum().backward()
    assert relative(block.adapter2.weight.grad, make_after_step(llama, x)) < 1e-5
    with torch.no_grad():
        block.adapter2.weight.add_(0.01)
    assert relative(block(x) - x, by_hand(x, block, layer_tensors(llama, 1), heads=4, kv_heads=2)) < 1e-5


def make_after_step(llama, x):
    """The gradient of adapter2 where the update is added ungated to the same features."""
    block = make(llama)
    (2 * x * block(x)).sum().backward()
    return block.adapter2.weight.grad


@pytest.mark.parametrize(("fields", "gate"), [({}, 1), ({"residual": "zero"}, 1), ({"residual": "gated"}, -0.25)])
def test_the_share_is_what_the_path_adds_over_the_features(llama, fields, gate):
    block = make(llama, **fields)
    with torch.no_grad():
        block.adapter2.bias.fill_(0.5)
        if "gate" in dict(block.named_parameters()):
            block.gate.fill_(gate)
    x = torch.randn(2, 6, 4, 5)
    put = block(x) - (0 if not fields else x)
    expected = put.flatten(2).norm(dim=1).mean() / x.flatten(2).norm(dim=1).mean()
    assert torch.allclose(block.share, expected) and not block.share.requires_grad
    before = block.share
    block.eval()(3 * x)
    assert block.share is before  # predictions pay nothing for it


def test_frozen_layer_stays_in_eval_mode_and_takes_no_gradient(llama):
    block = make(llama).train()
    assert block.training and not block.layer.training
    block(torch.randn(1, 6, 2, 2)).sum().backward()
    assert all(p.grad is None for p in block.layer.parameters())


def test_trainable_layer_is_float32_everywhere_and_learns(llama_bf16):
    block = make(llama_bf16, trainable=True).train()
    assert block.layer.training
    block(torch.randn(1, 6, 2, 2)).sum().backward()
    assert all(p.grad is not None and p.dtype == torch.float32 for p in block.layer.parameters())
    assert all(t.dtype == torch.float32 for t in block.state_dict().values())
    with torch.no_grad():
        for parameter in block.layer.parameters():
            parameter.sub_(0.001)  # lost if it were bfloat16
    copy = LLMBottleneck(6, block.config, spec=block.spec)
    copy.load_state_dict(block.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(copy.parameters(), block.parameters(), strict=True))


def test_a_checkpoint_holds_the_frozen_layer_in_the_files_dtype(llama_bf16):
    block = make(llama_bf16)
    assert all(p.dtype == torch.float32 for p in block.layer.parameters())  # resident on the CPU
    held = {k.removeprefix("layer."): v for k, v in block.state_dict().items() if k.startswith("layer.")}
    assert {t.dtype for t in held.values()} == {torch.bfloat16}
    assert layer_sha256(held) == block.spec.sha256 == prepare_layer(block.config).spec.sha256


def test_bfloat16_differs_from_float32_by_rounding_only(llama_bf16):
    x = torch.randn(2, 6, 4, 4)
    exact, rounded = make(llama_bf16), make(llama_bf16, dtype="bfloat16")
    assert all(p.dtype == torch.bfloat16 for p in rounded.layer.parameters())
    assert 0 < relative(rounded(x), exact(x)) < 2e-2
    assert torch.equal(
        rounded.state_dict()["layer.mlp.up_proj.weight"], exact.state_dict()["layer.mlp.up_proj.weight"]
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_large_activations_stay_finite_under_fp16_autocast(llama, dtype):
    block = make(llama, dtype=dtype)
    with torch.no_grad():
        block.adapter1.weight.mul_(1e6)
    x = torch.randn(1, 6, 3, 3)
    with torch.autocast("cpu", torch.float16):
        assert not torch.isfinite(torch.nn.functional.linear(x.flatten(2).mT, block.adapter1.weight)).all()
        wide, narrow = block(x), block(x.half())
    assert torch.isfinite(wide).all() and wide.dtype == torch.float32 and wide.abs().max() > 65504
    assert torch.isfinite(narrow).all() and narrow.dtype == torch.float16
    assert block.finite


def test_a_non_finite_output_is_flagged(llama):
    block = make(llama)
    block(torch.randn(1, 6, 2, 2))
    assert block.finite
    block(torch.full((1, 6, 2, 2), math.nan))
    assert not block.finite


def test_compiles_to_one_graph_that_computes_the_same(llama):
    block = make(llama, residual="gated")
    block.gate.data.fill_(0.5)
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 6, 4, 4)
    assert torch.allclose(compiled(x), block(x), atol=1e-6)
    share = block.share
    block(x)
    assert torch.allclose(share, block.share)
    compiled(torch.full((2, 6, 4, 4), math.nan))
    assert not block.finite and not torch.isfinite(block.share)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_skeleton_refuses_to_run_until_it_is_loaded(llama, compiled):
    block = make(llama)
    skeleton = LLMBottleneck(6, block.config, spec=block.spec)
    network = torch.compile(skeleton, backend="aot_eager") if compiled else skeleton
    x = torch.randn(1, 6, 2, 2)
    with pytest.raises(LayerNotLoadedError, match="never loaded"):
        network(x)
    skeleton.load_state_dict(block.state_dict())
    assert torch.allclose(network(x), block(x))


@pytest.mark.parametrize("weights", ["pretrained", "shuffled", "random"])
def test_loading_another_layer_is_refused_and_changes_nothing(llama, weights):
    block, other = make(llama, weights=weights), make(llama, layer=2, weights=weights, seed=1)
    before = {k: v.clone() for k, v in block.state_dict().items()}
    with pytest.raises(LayerMismatchError, match=f"sha256 {other.spec.sha256}.*{block.spec.sha256}"):
        block.load_state_dict(other.state_dict())
    with pytest.raises(LayerMismatchError):
        block.load_layer(prepare_layer(other.config))
    assert all(torch.equal(v, before[k]) for k, v in block.state_dict().items())


def test_a_layer_moved_by_less_than_its_dtype_shows_is_refused(llama_bf16):
    block = make(llama_bf16)
    state = {k: v.float() for k, v in block.state_dict().items()}
    state["layer.mlp.up_proj.weight"] = state["layer.mlp.up_proj.weight"] + 1e-7
    with pytest.raises(LayerMismatchError):
        block.load_state_dict(state)


def test_a_state_dict_without_the_layer_is_incomplete_where_the_layer_is_trained(llama):
    block = make(llama, trainable=True)
    state = {k: v for k, v in block.state_dict().items() if not k.startswith("layer.")}
    with pytest.raises(RuntimeError, match="Missing key"):
        block.load_state_dict(state)


def test_moving_between_dtypes_leaves_the_layers_hash_alone(llama_bf16):
    block = make(llama_bf16).to("cpu").double().float()
    held = {k.removeprefix("layer."): v for k, v in block.state_dict().items() if k.startswith("layer.")}
    assert layer_sha256(held) == block.spec.sha256


def test_what_the_newest_transformers_wrote_computes_the_same_on_this_one():
    """Made by tests/data_make.py; its config.json spells theta as `rope_parameters`, which 4.x does not know."""
    folder = Path(__file__).parent / "data" / "newest"
    spec = LayerSpec.from_dict(json.loads((folder / "spec.json").read_text()))
    case = load_file(folder / "case.safetensors")
    block = LLMBottleneck(4, LLM4SegConfig(model="gone", layer=1, positions="rope"), spec=spec)
    block.load_state_dict({key: value for key, value in case.items() if key not in ("input", "output")})
    assert relative(block(case["input"]), case["output"]) < 1e-5


@pytest.mark.parametrize("weights", ["pretrained", "identity"])
def test_a_layernorm_before_and_after_the_layer_is_computed_trained_and_stored(llama, weights):
    plain, block = make(llama, weights=weights), make(llama, weights=weights, norm="layer")
    new = block.state_dict().keys() - plain.state_dict().keys()
    assert new == {f"norm{i}.{name}" for i in (1, 2) for name in ("weight", "bias")}
    with torch.no_grad():
        block.norm1.weight.mul_(2)
    x = torch.randn(2, 6, 3, 4)
    tokens = block.adapter1(x.flatten(2).mT)
    before = torch.nn.functional.layer_norm(tokens, tokens.shape[-1:]) * 2
    after = block.layer(before, (3, 4))
    expected = block.adapter2(torch.nn.functional.layer_norm(after, after.shape[-1:])).mT.unflatten(2, (3, 4))
    assert relative(block(x), expected) < 1e-5
    block(x).square().sum().backward()
    assert all(p.grad is not None for norm in (block.norm1, block.norm2) for p in norm.parameters())
    again = LLMBottleneck(6, block.config, spec=block.spec)
    again.load_state_dict(block.half().state_dict())
    assert torch.equal(again(x), block(x))
