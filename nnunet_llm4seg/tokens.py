"""How many tokens a network sends through the LLM layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


def token_grid(strides: Sequence, patch_size: Sequence[int], stage: int) -> list[int]:
    """Size of the feature map at `stage` (-1 is the deepest) of an encoder with these strides a stage."""
    grid = list(patch_size)
    for stride in strides[: len(strides) + stage + 1]:
        steps = [stride] * len(grid) if isinstance(stride, int) else stride
        grid = [math.ceil(size / step) for size, step in zip(grid, steps, strict=True)]
    return grid


def strides_of(network: nn.Module) -> Sequence:
    """The encoder's strides, one entry a stage."""
    return next(module.strides for module in network.modules() if hasattr(module, "output_channels"))


def refuse_too_many_tokens(strides: Sequence, patch_size: Sequence[int], config: LLM4SegConfig) -> None:
    """Stop before a training that would need more tokens than the settings allow.

    Raises:
        ConfigError: there are more than `config.max_tokens`.
    """
    grid = token_grid(strides, patch_size, config.stage)
    tokens = math.prod(grid)
    if tokens > config.max_tokens:
        raise ConfigError(
            f"max_tokens: stage {config.stage} has {'x'.join(map(str, grid))} = {tokens} tokens at patch size "
            f"{'x'.join(map(str, patch_size))}, but {config.max_tokens} are allowed; choose a deeper stage, or "
            f"ask for it with `llm4seg plan --max-tokens {tokens}` (time and memory grow with the square)."
        )
