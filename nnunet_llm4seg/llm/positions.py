"""Rotary tables for a grid of tokens, made by us and never left to a library's default.

A table pair (cos, sin) has shape (1, N, R): N tokens in raster order, R rotary dimensions of a head, of which
dimension r and r + R/2 form a pair that turns by one angle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from nnunet_llm4seg.errors import ConfigError, ModelFilesError

Tables = tuple[torch.Tensor, torch.Tensor]


def rotary_tables(
    positions: str, grid: Sequence[int], frequencies: Sequence[float], device: torch.device | str = "cpu"
) -> Tables:
    """Make the tables in float32.

    Args:
        positions: `paper`, `rope`, `axial` or `none`, see `LLM4SegConfig`.
        grid: Tokens along each axis, (H, W) or (D, H, W).
        frequencies: The model's own frequency of each pair, radians a token, length R/2.
        device: Where the tables are made.

    `paper` is what the official LLM4Seg code computes: cos = sin(n), sin = cos(n) for token n, the same for
    every pair. `rope` turns pair p of token n by n * frequencies[p]. `axial` gives pair p to axis p modulo the
    number of axes and turns it by the token's coordinate on that axis. `none` turns nothing.
    """
    tokens = math.prod(grid)
    shape = (1, tokens, 2 * len(frequencies))
    if positions == "none":
        return torch.ones(shape, device=device), torch.zeros(shape, device=device)
    index = torch.arange(tokens, device=device, dtype=torch.float32)
    if positions == "paper":
        return index.sin()[None, :, None].expand(shape), index.cos()[None, :, None].expand(shape)
    turns = torch.tensor(list(frequencies), device=device, dtype=torch.float32)
    if positions == "rope":
        angles = index[:, None] * turns  # (N, R/2)
    else:
        axes = torch.meshgrid(*(torch.arange(n, device=device, dtype=torch.float32) for n in grid), indexing="ij")
        coordinates = torch.stack([axis.flatten() for axis in axes], dim=-1)  # (N, axes)
        axis_of_pair = torch.arange(len(frequencies), device=device) % len(grid)
        angles = coordinates[:, axis_of_pair] * turns
    angles = torch.cat((angles, angles), dim=-1)[None]
    return angles.cos(), angles.sin()


def attention_mask(attention: str, tokens: int, dtype: torch.dtype, device: torch.device | str) -> torch.Tensor:
    """Additive mask of shape (1, 1, N, N), query by key: 0 where a token is seen, -inf where not."""
    mask = torch.zeros(tokens, tokens, dtype=dtype, device=device)
    if attention == "causal":
        hidden = torch.ones(tokens, tokens, dtype=torch.bool, device=device).triu(1)
        mask = mask.masked_fill(hidden, float("-inf"))
    return mask[None, None]


def head_size(model_config: Mapping[str, Any]) -> int:
    """Size of one attention head, from a model's raw `config.json`."""
    return model_config.get("head_dim") or model_config["hidden_size"] // model_config["num_attention_heads"]


def rotary_frequencies(model_config: Mapping[str, Any], positions: str) -> list[float]:
    """Frequencies of the rotary pairs, radians a token, from the model's raw `config.json`.

    Both spellings are read: `rope_theta` with `rope_scaling`, and `rope_parameters` (transformers 5). The
    scalings `default`, `linear` and `llama3` are ours to compute, after `transformers.modeling_rope_utils`.

    Raises:
        ConfigError: `positions` needs the model's frequencies and they are scaled in another way.
    """
    parameters = dict(model_config.get("rope_parameters") or model_config.get("rope_scaling") or {})
    theta = float(parameters.get("rope_theta") or model_config.get("rope_theta") or 10000.0)
    size = head_size(model_config)
    if size % 2:
        raise ModelFilesError(f"model: a head of {size} dimensions has no rotary pairs; choose another model.")
    plain = [theta ** (-2 * pair / size) for pair in range(size // 2)]
    kind = parameters.get("rope_type") or parameters.get("type") or "default"
    if kind == "default" or positions in ("paper", "none"):
        return plain
    if kind == "linear":
        return [frequency / parameters["factor"] for frequency in plain]
    if kind == "llama3":
        return [_llama3(frequency, parameters) for frequency in plain]
    raise ConfigError(
        f"positions: {positions!r} is not available for this model, whose rotary scaling is {kind!r} "
        "(default, linear and llama3 are); choose positions paper or none."
    )


def _llama3(frequency: float, parameters: Mapping[str, Any]) -> float:
    """LLaMA 3.1's scaling: long waves are stretched by `factor`, short ones kept, those between blended."""
    factor, low, high = (parameters[key] for key in ("factor", "low_freq_factor", "high_freq_factor"))
    context = parameters["original_max_position_embeddings"]
    wavelength = 2 * math.pi / frequency
    if wavelength < context / high:
        return frequency
    if wavelength > context / low:
        return frequency / factor
    smooth = (context / wavelength - low) / (high - low)
    return (1 - smooth) * frequency / factor + smooth * frequency
