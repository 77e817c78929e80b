"""Low-rank adaptation (LoRA) of the linear maps of a frozen layer, whose own names and values stay as they are.

Source: Hu et al., LoRA (arXiv 2106.09685): a map W x + b becomes W x + b + B A x, with B zero at the start. The scale,
alpha / rank there, is 1.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from nnunet_llm4seg.errors import ModelFilesError


class LowRank(nn.Module):
    """The update B A x of one linear map.

    State-dict keys: `A` (rank x inputs) and `B` (outputs x rank, zero at the start).
    """

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.empty(rank, inputs))
        self.B = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))  # as torch's own linear maps

    def add(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        """A forward hook of the linear map; a bound method, so that copies and pickles of both stay together."""
        return output + linear(linear(inputs[0], self.A), self.B)


def add_low_rank(layer: nn.Module, rank: int) -> nn.Module:
    """Give every linear map of a layer a low-rank update.

    Returns:
        A module that holds the updates under the names of their maps, such as `self_attn.q_proj`.

    Raises:
        ModelFilesError: the layer has no linear maps.
    """
    updates = nn.Module()
    for name, module in layer.named_modules():
        if (size := _size(module)) is None:
            continue
        holder = updates
        *parents, last = name.split(".")
        for part in parents:
            if not hasattr(holder, part):
                holder.add_module(part, nn.Module())
            holder = holder.get_submodule(part)
        update = LowRank(*size, rank)
        holder.add_module(last, update)
        module.register_forward_hook(update.add)
    if not any(True for _ in updates.parameters()):
        raise ModelFilesError("lora_rank: this layer has no linear maps to adapt; set lora_rank 0.")
    return updates


def _size(module: nn.Module) -> tuple[int, int] | None:
    """(inputs, outputs) of a linear map, None for another module."""
    from transformers.pytorch_utils import Conv1D

    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):  # GPT-2's; its weight is (inputs, outputs)
        return module.weight.shape[0], module.weight.shape[1]
    return None
