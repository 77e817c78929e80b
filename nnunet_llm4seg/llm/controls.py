"""Controls for a layer: the same shapes without its structure (shuffled), or without its values (random)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def shuffled(tensors: Mapping[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Permute the entries inside each matrix; vectors, such as norm gains and biases, stay as they are."""
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for name in sorted(tensors):
        tensor = tensors[name]
        if tensor.ndim > 1:
            tensor = tensor.flatten()[torch.randperm(tensor.numel(), generator=generator)].view(tensor.shape)
        result[name] = tensor
    return result


def random(layer: nn.Module, std: float, dtype: torch.dtype, seed: int) -> dict[str, torch.Tensor]:
    """New random values for every parameter, norms included, rounded to `dtype`.

    Matrices are normal with deviation `std` (the model's `initializer_range`); gains and biases get the value
    with which training starts in `transformers`: biases 0, gains what their norm's class sets.
    """
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for name, parameter in sorted(layer.named_parameters()):
        owner = layer.get_submodule(name.rpartition(".")[0])
        if parameter.ndim > 1:
            # in float64: the last bits of torch's float32 numbers differ between kinds of CPU
            value = torch.empty(parameter.shape, dtype=torch.float64).normal_(0.0, std, generator=generator)
        elif name.endswith("bias"):
            value = torch.zeros(parameter.shape)
        else:
            value = _fresh_gain(owner, parameter)
        result[name] = value.to(dtype)
    return result


def _fresh_gain(norm: nn.Module, gain: torch.Tensor) -> torch.Tensor:
    """1, or 0 for norms that multiply by (1 + gain), which a gain of 0 applied to a vector of ones shows."""
    values = {name: torch.zeros(parameter.shape) for name, parameter in norm.named_parameters()}
    probe = torch.func.functional_call(norm, values, (torch.ones(1, gain.numel()),))
    return torch.zeros(gain.shape) if probe.abs().sum() > 0 else torch.ones(gain.shape)
