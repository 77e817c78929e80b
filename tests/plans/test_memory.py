import math

import pytest
import torch
from tiny_models import LLAMA, save_model

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.known import KNOWN
from nnunet_llm4seg.plans.memory import estimate_share, planned_share

LLAMA_3_2_1B = dict(KNOWN["meta-llama/Llama-3.2-1B"].config)


def test_llamas_layer_has_the_known_size():
    share = estimate_share(LLAMA_3_2_1B, LLM4SegConfig(), 256, (16, 16), 8)
    assert share.layer_parameters == 60_821_504
    assert share.file_bytes == 121_643_008
    assert share.trained_parameters == 2 * 256 * 2048 + 2048 + 256  # the paper's +1.05 M


def test_trained_layer_counts_gradient_and_momentum():
    frozen = estimate_share(LLAMA, LLM4SegConfig(layer=1), 8, (4, 4), 2)
    trained = estimate_share(LLAMA, LLM4SegConfig(layer=1, trainable=True), 8, (4, 4), 2)
    assert trained.weight_bytes == frozen.weight_bytes + 2 * 4 * frozen.layer_parameters
    assert trained.activation_bytes > frozen.activation_bytes


@pytest.mark.parametrize("grid", [(4, 4), (3, 4, 5)])
def test_activations_bound_what_autograd_keeps_of_a_real_pass(tmp_path, grid):
    config = LLM4SegConfig(model=str(save_model(tmp_path / "llm")), layer=1)
    bottleneck = LLMBottleneck(8, config)
    weights = {p.untyped_storage().data_ptr() for p in bottleneck.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = bottleneck(torch.randn(2, 8, *grid, requires_grad=True))
    real = sum(s.nbytes() for s in kept.values()) + output.untyped_storage().nbytes()
    estimate = estimate_share(bottleneck.spec.model_config, config, 8, grid, 2).activation_bytes
    attention = 2 * LLAMA["num_attention_heads"] * math.prod(grid) ** 2 * 4  # of a kernel that is not fused
    assert real <= estimate <= 1.1 * real + 2 * attention


def test_planning_never_asks_the_hub(monkeypatch):
    def asked(*arguments, **options):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("nnunet_llm4seg.llm.fetch.fetch_layer", asked)
    entry = {
        "patch_size": [64, 64],
        "batch_size": 2,
        "architecture": {"arch_kwargs": {"strides": [[1, 1], [4, 4]], "features_per_stage": [8, 16]}},
    }
    assert planned_share(entry, LLM4SegConfig(model="nobody/no-such-model")) is None
    assert planned_share(entry, LLM4SegConfig()).layer_parameters == 60_821_504  # of the list of known models
