"""How many tokens a configuration of nnU-Net's plans gives to the LLM layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.tokens import token_grid


def planned_grid(configuration: Mapping[str, Any], stage: int = -1) -> list[int]:
    """Tokens along each axis, (z,) y, x, at an encoder stage (-1 is the bottleneck) and the planned patch."""
    strides = configuration["architecture"]["arch_kwargs"]["strides"]
    return [int(size) for size in token_grid(strides, configuration["patch_size"], stage)]
