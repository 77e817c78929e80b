"""What layers get beside the tokens: attention masks, where they need one, and rotary tables, for any grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.masking import works_without_mask
from nnunet_llm4seg.llm.positions import Tables, attention_mask, positions_on_an_axis, rotary_tables, rotation_of
from nnunet_llm4seg.llm.rotary_scaling import Turns
from nnunet_llm4seg.llm.stack import Stack

Inputs = tuple[torch.Tensor | None, Tables]


class LayerInputs:
    """Makes the mask, or None, and the rotary tables of each layer of a stack.

    Args:
        config: What a token sees, and by which rule the tables are made.
        stack: The layers; those that need no mask are told what a token sees.

    Raises:
        ConfigError: the model cannot have the positions that the settings ask for.
    """

    def __init__(self, config: LLM4SegConfig, stack: Stack) -> None:
        self._attention = config.attention
        self._windows = [description.window for description in stack.descriptions]
        self._rotations = [rotation_of(description, config.positions) for description in stack.descriptions]
        self._unmasked = [
            works_without_mask(layer, description, config.attention)
            for layer, description in zip(stack.layers, stack.descriptions, strict=True)
        ]
        self._made: tuple[Any, list[Inputs]] | None = None
        self.turns: list[Turns] = []

    def settle(self, device: torch.device) -> None:
        """Keep the frequencies on a device, in float32 whatever arrives."""
        self._made = None
        self.turns = [Turns(rotation, device) for rotation in self._rotations]

    def of(self, grid: Sequence[int], dtype: torch.dtype, device: torch.device) -> list[Inputs]:
        """Mask and tables of each layer; those of the last grid are kept, because patches have one size.

        A compiled network makes them inside its graph, which then needs no state.
        """
        if torch.compiler.is_compiling():
            return self._make(grid, dtype, device)
        key = (tuple(grid), dtype, device)
        if self._made is None or self._made[0] != key:
            with torch.inference_mode(False):  # those made during a prediction must also work in training
                self._made = (key, self._make(grid, dtype, device))
        return self._made[1]

    def _make(self, grid: Sequence[int], dtype: torch.dtype, device: torch.device) -> list[Inputs]:
        tokens = math.prod(grid)
        masks: dict[int | None, torch.Tensor] = {}
        made: list[Inputs] = []
        for window, rotation, turns, unmasked in zip(
            self._windows, self._rotations, self.turns, self._unmasked, strict=True
        ):
            mask = None
            if not unmasked or (window is not None and window < tokens):
                if window not in masks:  # layers with the same window share one
                    masks[window] = attention_mask(self._attention, tokens, dtype, device, window)
                mask = masks[window]
            positions = rotation.positions
            frequencies = turns.at(positions_on_an_axis(positions, grid))
            made.append((mask, rotary_tables(positions, grid, frequencies, device, rotation.factor)))
        return made
