"""How long-context models scale their rotary frequencies: linear, llama3, yarn, longrope and dynamic.

The first two are computed here, as in `transformers.modeling_rope_utils`. The numbers of the others come from its
`ROPE_INIT_FUNCTIONS`, which get what they read in one spelling: old versions take the context from other fields, and a
model must compute the same with each of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.description import LayerDescription

SCALINGS = ("linear", "llama3", "yarn", "longrope", "dynamic")


@dataclass(frozen=True)
class Rotation:
    """How fast each rotary pair of a layer turns.

    Attributes:
        frequencies: Radians per token, length R/2, for up to `context` positions.
        factor: What cosines and sines are multiplied by.
        context: The number of positions up to which `frequencies` hold; None: always.
        beyond: The frequencies for more positions, if these are fixed.
        growth: The factor of a scaling whose frequencies fall with the number of positions beyond `context`.
        positions: The rule by which the tables are made, see `llm.positions.rotary_tables`.
    """

    frequencies: list[float]
    factor: float = 1.0
    context: int | None = None
    beyond: list[float] | None = None
    growth: float = 1.0
    positions: str = "rope"


class Turns:
    """A rotation's frequencies on a device, in float32."""

    def __init__(self, rotation: Rotation, device: torch.device) -> None:
        self._rotation = rotation
        self._near, self._far = (
            torch.tensor(values or [], dtype=torch.float32, device=device)
            for values in (rotation.frequencies, rotation.beyond)
        )
        pairs = len(rotation.frequencies)
        self._exponents = -torch.arange(pairs, dtype=torch.float32, device=device) / max(pairs - 1, 1)

    def at(self, count: int) -> torch.Tensor:
        """The frequencies for `count` positions."""
        context, factor = self._rotation.context, self._rotation.growth
        if context is None or count <= context:
            return self._near
        if self._rotation.beyond is not None:
            return self._far
        return self._near * (factor * count / context - (factor - 1)) ** self._exponents


def scaled_rotation(kind: str, plain: list[float], found: LayerDescription) -> Rotation:
    """The rotation of a layer with one of `SCALINGS`, whose unscaled frequencies are `plain`.

    Raises:
        ModelFilesError: its `config.json` lacks a value that the scaling needs, or has one that makes no sense.
    """
    try:
        rotation = _ROTATIONS[kind](plain, found)
        numbers = (*rotation.frequencies, *(rotation.beyond or ()), rotation.factor, rotation.growth)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("its frequencies are not finite")
        return rotation
    except (ArithmeticError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFilesError(
            f"model: the rotary scaling {kind!r} in its config.json cannot be computed ({type(error).__name__}: "
            f"{error}); fetch the model again."
        ) from error


def _linear(plain: list[float], found: LayerDescription) -> Rotation:
    return Rotation([frequency / found.scaling["factor"] for frequency in plain])


def _llama3(plain: list[float], found: LayerDescription) -> Rotation:
    return Rotation([llama3_frequency(frequency, found.scaling) for frequency in plain])


def llama3_frequency(frequency: float, parameters: Mapping[str, Any]) -> float:
    """LLaMA 3.1's scaling: long waves are stretched by `factor`, short ones kept, those in between blended."""
    factor, low, high = (parameters[key] for key in ("factor", "low_freq_factor", "high_freq_factor"))
    context = parameters["original_max_position_embeddings"]
    wavelength = 2 * math.pi / frequency
    if wavelength < context / high:
        return frequency
    if wavelength > context / low:
        return frequency / factor
    smooth = (context / wavelength - low) / (high - low)
    return (1 - smooth) * frequency / factor + smooth * frequency


def _dynamic(plain: list[float], found: LayerDescription) -> Rotation:
    return Rotation(plain, context=_longest(found), growth=float(found.scaling["factor"]))


def _yarn(plain: list[float], found: LayerDescription) -> Rotation:
    values, context = found.scaling, _context(found)
    if not values.get("truncate", True):
        raise ValueError("truncate false is not known to every supported transformers")
    scale = float(values.get("factor") or _longest(found) / context)
    factor = values.get("attention_factor")
    if factor is None:
        over, under = values.get("mscale"), values.get("mscale_all_dim")
        factor = _magnitude(scale, over) / _magnitude(scale, under) if over and under else _magnitude(scale, 1.0)
    given = {"factor": scale, "attention_factor": float(factor)}
    given |= {name: values[name] for name in ("beta_fast", "beta_slow") if values.get(name)}
    return Rotation(_computed("yarn", found, given, context, None), float(factor))


def _longrope(plain: list[float], found: LayerDescription) -> Rotation:
    values, context = found.scaling, _context(found)
    lists = {name: [float(value) for value in values[name]] for name in ("short_factor", "long_factor")}
    for name, numbers in lists.items():
        if len(numbers) != len(plain):
            raise ValueError(f"{name} has {len(numbers)} numbers for {len(plain)} rotary pairs")
    factor = values.get("attention_factor")
    if factor is None:
        scale = float(values.get("factor") or _longest(found) / context)
        factor = math.sqrt(1 + math.log(scale) / math.log(context)) if scale > 1 else 1.0
    # until 4.5x, `factor` chooses between the two lists; since then, the number of positions
    short, long = (
        _computed("longrope", found, {**lists, "factor": f, "attention_factor": float(factor)}, context, n)
        for f, n in ((1.0, context), (2.0, context + 1))
    )
    return Rotation(short, float(factor), context, long)


_ROTATIONS = {
    "linear": _linear,
    "llama3": _llama3,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "longrope": _longrope,
}


def _computed(
    kind: str, found: LayerDescription, values: Mapping[str, Any], context: int, positions: int | None
) -> list[float]:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    given = SimpleNamespace(
        rope_theta=found.theta,
        rope_scaling=dict(values),
        rope_parameters={**values, "rope_theta": found.theta, "original_max_position_embeddings": context},
        head_dim=found.rotary_size,
        hidden_size=found.rotary_size,
        num_attention_heads=1,
        max_position_embeddings=context,
        standardize_rope_params=lambda: None,
    )
    frequencies, _ = ROPE_INIT_FUNCTIONS[kind](given, torch.device("cpu"), seq_len=positions)
    return [float(frequency) for frequency in frequencies]


def _magnitude(scale: float, share: float) -> float:
    return 0.1 * share * math.log(scale) + 1.0 if scale > 1 else 1.0


def _context(found: LayerDescription) -> int:
    """The number of tokens with which the model was trained before its context was made longer."""
    name = "original_max_position_embeddings"
    return int(getattr(found.configuration, name, None) or found.scaling.get(name) or _longest(found))


def _longest(found: LayerDescription) -> int:
    return int(found.configuration.max_position_embeddings)
