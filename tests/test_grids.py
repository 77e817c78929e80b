"""What the bottleneck keeps from one grid to the next: nothing that could be wrong for another grid."""

import torch

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig


def make(folder, **fields):
    torch.manual_seed(0)
    return LLMBottleneck(6, LLM4SegConfig(model=str(folder), layer=1, positions="axial", **fields))


def test_a_grid_gets_its_own_mask_and_tables_whatever_came_before(llama):
    used, torch_rng = make(llama), torch.Generator().manual_seed(1)
    for grid in ((3, 4), (4, 3), (2, 3, 2), (12,), (3, 4)):
        x = torch.randn(1, 6, *grid, generator=torch_rng)
        assert torch.equal(used(x), make(llama)(x)), grid


def test_mask_and_tables_of_a_grid_are_made_once(llama, monkeypatch):
    import nnunet_llm4seg.llm.inputs as module

    block, made = make(llama), []
    make_tables = module.rotary_tables
    monkeypatch.setattr(module, "rotary_tables", lambda *args: made.append(args[1]) or make_tables(*args))
    for _ in range(3):
        block(torch.randn(2, 6, 3, 4))
    assert [tuple(grid) for grid in made] == [(3, 4)]


def test_training_goes_on_after_a_prediction_in_inference_mode(llama):
    block = make(llama, trainable=True)
    x = torch.randn(1, 6, 3, 4)
    with torch.inference_mode():
        predicted = block(x)
    block(x).sum().backward()
    assert block.adapter1.weight.grad is not None
    assert torch.equal(predicted, block(x))


def test_a_network_in_half_precision_still_turns_in_float32(llama):
    block = make(llama)
    x = torch.randn(1, 6, 3, 4)
    before = block(x)
    block.half()
    assert block.layer._inputs.turns[0].at(1).dtype == torch.float32
    block.float()
    torch.testing.assert_close(block(x), before, rtol=1e-2, atol=1e-2)
