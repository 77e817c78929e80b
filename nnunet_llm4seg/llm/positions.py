"""Rotary tables for a grid of tokens, made here and never left to a library's default.

A table pair (cos, sin) has shape (1, N, R): N tokens in raster order, R rotary dimensions of a head, of which
dimensions r and r + R/2 form a pair that rotates by one angle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.llm.description import LayerDescription
from nnunet_llm4seg.llm.rotary_scaling import SCALINGS, Rotation, scaled_rotation

Tables = tuple[torch.Tensor, torch.Tensor]


def rotary_tables(
    positions: str,
    grid: Sequence[int],
    frequencies: Sequence[float] | torch.Tensor,
    device: torch.device | str = "cpu",
    factor: float = 1.0,
) -> Tables:
    """Make the tables in float32.

    Args:
        positions: `paper`, `rope`, `axial` or `none`, see `LLM4SegConfig`, or `coordinates`.
        grid: Tokens along each axis, (H, W) or (D, H, W).
        frequencies: The model's own frequency of each pair, radians per token, length R/2.
        device: Where the tables are made.
        factor: What the model multiplies its own cosines and sines by (`rope` and `axial`).

    `paper` is what the official LLM4Seg code computes: cos = sin(n), sin = cos(n) for token n, the same for
    every pair. `rope` rotates pair p of token n by n * frequencies[p]. `axial` assigns pair p to axis p modulo the
    number of axes and rotates it by frequencies[p] times the token's coordinate on that axis. `none` rotates nothing.
    `coordinates` is what DINOv3 does instead of `rope`: half the pairs belong to each axis of a 2D grid, and turn by
    frequencies[p] times the token's coordinate on it, from -1 to 1.

    Raises:
        ConfigError: `coordinates` for a grid that is not 2D.
    """
    tokens = math.prod(grid)
    shape = (1, tokens, 2 * len(frequencies))
    if positions == "none":
        return torch.ones(shape, device=device), torch.zeros(shape, device=device)
    index = torch.arange(tokens, device=device, dtype=torch.float32)
    if positions == "paper":
        return index.sin()[None, :, None].expand(shape), index.cos()[None, :, None].expand(shape)
    turns = torch.as_tensor(frequencies, device=device, dtype=torch.float32)
    if positions == "coordinates":
        return _coordinate_tables(grid, turns)
    if positions == "rope":
        angles = index[:, None] * turns  # (N, R/2)
    else:
        axes = torch.meshgrid(*(torch.arange(n, device=device, dtype=torch.float32) for n in grid), indexing="ij")
        coordinates = torch.stack([axis.flatten() for axis in axes], dim=-1)  # (N, axes)
        axis_of_pair = torch.arange(len(frequencies), device=device) % len(grid)
        angles = coordinates[:, axis_of_pair] * turns
    angles = torch.cat((angles, angles), dim=-1)[None]
    return angles.cos() * factor, angles.sin() * factor


def _coordinate_tables(grid: Sequence[int], turns: torch.Tensor) -> Tables:
    if len(grid) != 2:
        raise ConfigError(
            f"positions: 'rope' of this vision model is defined for 2D grids, and this one has {len(grid)} axes; set "
            "positions axial."
        )
    centres = [(torch.arange(n, device=turns.device, dtype=torch.float32) + 0.5) / n * 2 - 1 for n in grid]
    coordinates = torch.stack(torch.meshgrid(*centres, indexing="ij"), dim=-1).flatten(0, 1)  # (N, 2)
    angles = (coordinates[:, :, None] * turns.view(2, -1)).flatten(1)  # (N, R/2)
    angles = torch.cat((angles, angles), dim=-1)[None]
    return angles.cos(), angles.sin()


def positions_on_an_axis(positions: str, grid: Sequence[int]) -> int:
    """How many different positions the tables of a grid count: along its longest axis, or all tokens."""
    return max(grid) if positions == "axial" else math.prod(grid)


def attention_mask(
    attention: str, tokens: int, dtype: torch.dtype, device: torch.device | str, window: int | None = None
) -> torch.Tensor:
    """Additive mask of shape (1, 1, N, N), query by key: 0 where a token is seen, -inf elsewhere.

    Args:
        attention: `causal`: a token sees itself and those before it in raster order; `bidirectional`: all.
        tokens: N.
        dtype: Of the mask.
        device: Where it is made.
        window: Only tokens less than this many positions away in raster order are seen.
    """
    mask = torch.zeros(tokens, tokens, dtype=dtype, device=device)
    seen = torch.ones(tokens, tokens, dtype=torch.bool, device=device)
    if attention == "causal":
        seen = seen.tril()
    if window is not None:
        seen = seen.tril(window - 1).triu(1 - window)
    return mask.masked_fill(~seen, float("-inf"))[None, None]


def rotation_of(found: LayerDescription, positions: str) -> Rotation:
    """How the rotary pairs of a layer turn.

    `llm.rotary_scaling` computes those of a model for long contexts.

    Returns:
        A rotation with R/2 frequencies; none for a layer that takes no rotary tables.

    Raises:
        ConfigError: the layer takes no tables and `positions` asks for some, or `positions` needs the model's
            frequencies and their scaling is not one of these.
        ModelFilesError: the scaling's values in `config.json` make no sense.
    """
    if not found.rotary_size:
        if positions != "none":
            raise ConfigError(
                f"positions: {positions!r} is not available for {found.model_type}, whose layers take no "
                "rotary tables; set positions none."
            )
        return Rotation([], positions=positions)
    pairs = range(found.rotary_size // 2)
    plain = [found.theta ** (-2 * pair / found.rotary_size) for pair in pairs]
    if found.family.coordinates and positions == "rope":
        axis = [2 * math.pi * found.theta ** (-4 * pair / found.rotary_size) for pair in range(found.rotary_size // 4)]
        return Rotation(axis * 2, positions="coordinates")
    return replace(_rotation_by_scaling(found, positions, plain), positions=positions)


def _rotation_by_scaling(found: LayerDescription, positions: str, plain: list[float]) -> Rotation:
    kind = _scaling_of(found)
    if kind == "default" or positions in ("paper", "none"):
        return Rotation(plain)
    if kind in SCALINGS:
        return scaled_rotation(kind, plain, found)
    raise ConfigError(
        f"positions: {positions!r} is not available for this model, whose rotary scaling is {kind!r} "
        f"(default, {', '.join(SCALINGS)} are); choose positions paper or none."
    )


def rotary_frequencies(found: LayerDescription, positions: str) -> list[float]:
    """Frequencies of the rotary pairs of a layer, radians per token, see `rotation_of`."""
    return rotation_of(found, positions).frequencies


def _scaling_of(found: LayerDescription) -> str:
    kind = found.scaling.get("rope_type") or found.scaling.get("type")
    if kind in ("su", "yarn") and "long_factor" in found.scaling:  # what Phi-3 called longrope at first
        return "longrope"
    return str(kind or ("without a name" if "factor" in found.scaling else "default"))
