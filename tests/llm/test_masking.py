"""Layers get no mask where they need none, and compute the same."""

import copy
import pickle

import pytest
import torch
import transformers
from tiny_models import LLAMA, save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.llm.inputs import LayerInputs
from nnunet_llm4seg.llm.stack import build_stack, describe_layers

VOCABULARY = {"vocab_size": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GEMMA = {**VOCABULARY, "head_dim": 16, "query_pre_attn_scalar": 8, "sliding_window": 4}
MODELS = {
    "llama": {},
    "mistral": {"sliding_window": None},
    "qwen2": {},
    "phi3": VOCABULARY,
    "gpt2": {"n_embd": 32, "n_head": 4, "n_layer": 3, "n_positions": 40, **VOCABULARY},
    "bert": {"max_position_embeddings": 40, "num_key_value_heads": 4},
    "gemma2": {**GEMMA, "attn_logit_softcapping": 0.5},
}
X = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0))


def block_of(folder, family="llama", **fields):
    torch.manual_seed(1)
    positions = "none" if family in ("gpt2", "bert") else "rope"
    return LLMBottleneck(6, LLM4SegConfig(model=str(folder), layer=1, positions=positions, **fields))


def given_mask(block, grid=(3, 4)):
    ((mask, _),) = block.layer._inputs.of(grid, torch.float32, torch.device("cpu"))
    return mask


@pytest.fixture
def masked(monkeypatch):
    """Bottlenecks built by the function that is returned get a mask whether they need one or not."""

    def build(*arguments, **fields):
        with monkeypatch.context() as patch:
            patch.setattr("nnunet_llm4seg.llm.inputs.works_without_mask", lambda *_: False)
            return block_of(*arguments, **fields)

    return build


@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
@pytest.mark.parametrize("family", MODELS)
def test_a_layer_computes_the_same_with_and_without_a_mask(family, attention, tmp_path, masked):
    folder = save_model(tmp_path, model_type=family, **MODELS[family])
    ours, reference = block_of(folder, family, attention=attention), masked(folder, family, attention=attention)
    assert given_mask(reference) is not None
    torch.testing.assert_close(ours(X), reference(X), rtol=1e-6, atol=1e-6)
    if family == "gemma2":  # its eager attention knows no flag
        assert given_mask(ours) is not None
    elif int(transformers.__version__.split(".")[0]) >= 5:  # older versions ignore the flag in some families
        assert given_mask(ours) is None


@pytest.mark.parametrize(("window", "needs"), [(11, True), (12, False), (40, False)])
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_a_local_window_needs_a_mask_only_if_a_token_could_look_beyond_it(window, needs, attention, tmp_path, masked):
    folder = save_model(tmp_path, model_type="mistral", sliding_window=window)
    ours, reference = block_of(folder, attention=attention), masked(folder, attention=attention)
    torch.testing.assert_close(ours(X), reference(X), rtol=1e-6, atol=1e-6)
    assert needs or attention == "bidirectional" or given_mask(ours) is None
    assert given_mask(ours) is not None or not needs


def test_two_layers_of_one_model_may_see_differently_and_copies_keep_it(llama, masked):
    causal, both = block_of(llama), block_of(llama, attention="bidirectional")
    expected = masked(llama)(X), masked(llama, attention="bidirectional")(X)
    for copied in (copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))):
        for block, output in zip((causal, both), expected, strict=True):
            torch.testing.assert_close(copied(block)(X), output, rtol=1e-6, atol=1e-6)


def test_a_compiled_layer_without_a_mask_computes_the_same(llama):
    block = block_of(llama, attention="bidirectional")
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(X), block(X), rtol=1e-6, atol=1e-6)


def test_layers_with_the_same_window_share_one_mask():
    values = {**LLAMA, "model_type": "mistral", "sliding_window": 3}
    inputs = LayerInputs(LLM4SegConfig(), build_stack(describe_layers(values, 0, 2)))
    inputs.settle(torch.device("cpu"))
    (first, _), (second, _) = inputs.of((3, 4), torch.float32, torch.device("cpu"))
    assert first is second is not None
