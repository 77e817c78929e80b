"""How many tokens a network sends through the LLM layer, and which stages and numbers are allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


def token_grid(strides: Sequence[Any], patch_size: Sequence[int], stage: int) -> list[int]:
    """Size of the feature map at `stage` (-1 is the deepest) of an encoder with these strides per stage."""
    grid = list(patch_size)
    for stride in strides[: len(strides) + stage + 1]:
        steps = [stride] * len(grid) if isinstance(stride, int) else stride
        grid = [math.ceil(size / step) for size, step in zip(grid, steps, strict=True)]
    return grid


def strides_of(network: nn.Module) -> Sequence[Any]:
    """The encoder's strides, one entry per stage."""
    return cast("Sequence[Any]", next(m.strides for m in network.modules() if hasattr(m, "output_channels")))


def refuse_missing_stage(stages: int, config: LLM4SegConfig) -> None:
    """Refuse a stage that an encoder with so many stages does not have.

    Raises:
        ConfigError: there is no such stage.
    """
    if -config.stage > stages:
        raise ConfigError(f"stage: {config.stage} is not allowed; this encoder has stages -1 to -{stages}.")


def refuse_too_many_tokens(strides: Sequence[Any], patch_size: Sequence[int], config: LLM4SegConfig) -> None:
    """Refuse a training that would need a missing stage, or more tokens than the settings allow.

    Args:
        strides: Of the encoder, one entry per stage, as in `architecture.arch_kwargs` of nnU-Net's plans.

    Raises:
        ConfigError: there is no such stage, or it has more than `config.max_tokens`.
    """
    refuse_missing_stage(len(strides), config)
    grid = token_grid(strides, patch_size, config.stage)
    tokens = math.prod(grid)
    if tokens > config.max_tokens:
        raise ConfigError(
            f"max_tokens: stage {config.stage} has {'x'.join(map(str, grid))} = {tokens} tokens at patch size "
            f"{'x'.join(map(str, patch_size))}, but {config.max_tokens} are allowed; choose a deeper stage, or "
            f"ask for it with `llm4seg plan --max-tokens {tokens}` (time and memory grow with the square)."
        )
