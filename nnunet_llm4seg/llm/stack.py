"""Consecutive layers of a language model as one unit. A single layer keeps its own names; of several: `{i}.{name}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from nnunet_llm4seg.llm.build import BuiltLayer, build_layer
from nnunet_llm4seg.llm.description import LayerDescription, describe_layer
from nnunet_llm4seg.llm.model_config import refuse_beyond_the_last

_T = TypeVar("_T")


@dataclass(frozen=True)
class Stack:
    """Layers of `transformers`' own class, in the order in which tokens go through them.

    Attributes:
        layers: Each layer; its parameters hold no values yet.
        descriptions: What the model's `config.json` says of each.
        module: The only layer's module, or a list of all; its parameters have the names of the unit.
    """

    layers: tuple[BuiltLayer, ...]
    descriptions: tuple[LayerDescription, ...]
    module: nn.Module

    @property
    def hidden_size(self) -> int:
        """D, the size of a token."""
        return self.descriptions[0].hidden_size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape."""
        return joined([layer.shapes() for layer in self.layers])


def describe_layers(model_config: Mapping[str, Any], layer: int, depth: int) -> tuple[LayerDescription, ...]:
    """Read a model's raw `config.json` for `depth` layers from number `layer` on.

    Raises:
        ModelFilesError: see `describe_layer`, or the model ends before the last of them.
    """
    first = describe_layer(model_config, layer)
    refuse_beyond_the_last(layer, depth, first.layers)
    return (first, *(describe_layer(model_config, layer + i) for i in range(1, depth)))


def build_stack(descriptions: Sequence[LayerDescription]) -> Stack:
    """Build the layers that are described.

    Raises:
        ModelFilesError: see `build_layer`.
    """
    layers = tuple(build_layer(description) for description in descriptions)
    modules = [layer.module for layer in layers]
    return Stack(layers, tuple(descriptions), modules[0] if len(modules) == 1 else nn.ModuleList(modules))


def joined(by_layer: Sequence[Mapping[str, _T]]) -> dict[str, _T]:
    """What each layer has by name, as the unit names it."""
    if len(by_layer) == 1:
        return dict(by_layer[0])
    return {f"{i}.{name}": value for i, values in enumerate(by_layer) for name, value in values.items()}
