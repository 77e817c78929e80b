"""Inf, nan and values too large for the decoder, step by step."""

from types import SimpleNamespace

import pytest
import torch

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import NonFiniteError
from nnunet_llm4seg.trainer.numerics import NumericsWatch


def seen(finite=True, finite_input=True, clamped=0.0):
    """What a bottleneck remembers about its last forward pass."""
    return SimpleNamespace(
        finite=torch.tensor(finite), finite_input=torch.tensor(finite_input), clamped=torch.tensor(clamped)
    )


def test_an_inf_of_the_encoders_is_skipped_as_the_gradscaler_does_and_said():
    watch = NumericsWatch()
    watch.look(seen(), 0, scaled=True)
    watch.look(seen(finite=False, finite_input=False), 0, scaled=True)
    assert len(said := watch.finish_epoch(0)) == 1
    assert "in 1 of 2 steps the encoder's output was inf or nan" in said[0]
    assert watch.finish_epoch(1) == []


@pytest.mark.parametrize(("finite_input", "scaled"), [(True, True), (True, False), (False, False)])
def test_an_inf_of_the_layers_or_one_that_nobody_skips_stops_the_training(finite_input, scaled):
    with pytest.raises(NonFiniteError, match=r"inf or nan in epoch 3; training stops here"):
        NumericsWatch().look(seen(finite=False, finite_input=finite_input), 3, scaled=scaled)


def test_the_clamped_share_is_said_in_the_log_and_a_training_does_not_run_on_it():
    watch = NumericsWatch()
    for share in (0.0, 0.04):
        watch.look(seen(clamped=share), 0, scaled=True)
    assert watch.finish_epoch(0)[0].startswith("WARNING: 2 % of the LLM layer's output exceeded")
    for share in (1.0, 0.1):
        watch.look(seen(clamped=share), 1, scaled=True)
    with pytest.raises(NonFiniteError, match=r"55 % of .* in epoch 1, so that the network hardly learns"):
        watch.finish_epoch(1)


def test_a_saturated_bottleneck_in_float16_is_seen(llama):
    block = LLMBottleneck(6, LLM4SegConfig(model=str(llama), layer=1))
    with torch.no_grad():
        block.adapter2.bias.fill_(1e6)
    watch = NumericsWatch()
    output = block(torch.randn(1, 6, 2, 2).half().requires_grad_())
    output.sum().backward()
    assert not block.adapter2.weight.grad.any()  # it would never learn its way out
    watch.look(block, 0, scaled=True)
    with pytest.raises(NonFiniteError, match="100 %"):
        watch.finish_epoch(0)
