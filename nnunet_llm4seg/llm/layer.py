"""Build one layer of a language model with `transformers`' own class, and feed it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.families import family_of, layer_class_of
from nnunet_llm4seg.llm.positions import Tables


def build_layer(model_config: Mapping[str, Any], layer: int) -> nn.Module:
    """Build layer number `layer` from a model's raw `config.json`; its parameters hold no values yet.

    Raises:
        ModelFilesError: the family is not supported, the index is out of range, or the configuration is not one
            that the installed `transformers` can build.
    """
    from transformers import CONFIG_MAPPING

    family = family_of(model_config)
    layers = int(model_config["num_hidden_layers"])
    if layer >= layers:
        raise ModelFilesError(f"layer: {layer} is out of range; this model has layers 0 to {layers - 1}.")
    layer_class = layer_class_of(family)
    try:
        configuration = CONFIG_MAPPING[model_config["model_type"]].from_dict(dict(model_config))
        configuration._attn_implementation = "sdpa"
        with _WithoutInitialisation():
            built = layer_class(configuration, layer)
    except Exception as error:  # transformers checks a configuration with errors of many types
        raise ModelFilesError(
            f"model: transformers cannot build a layer from this config.json ({type(error).__name__}: {error}); "
            "fetch the model again or install a newer transformers."
        ) from error
    for module in list(built.modules()):
        if hasattr(module, "rotary_emb"):  # until 4.47 each layer made its own tables
            module.rotary_emb = _GivenTables()
    return built


def run_layer(layer: nn.Module, tokens: torch.Tensor, mask: torch.Tensor, tables: Tables) -> torch.Tensor:
    """Run a built layer on `tokens` (B, N, D) with an additive mask (1, 1, N, N) and rotary tables (1, N, R)."""
    if takes_tables(layer):
        output = layer(tokens, attention_mask=mask, position_embeddings=tables)
    else:
        output = layer(tokens, attention_mask=mask, position_ids=tables)
    return output[0] if isinstance(output, tuple) else output  # a tuple until transformers 4.53


def takes_tables(layer: nn.Module) -> bool:
    """Whether the layer is handed its tables as `position_embeddings`; else its `rotary_emb` passes them on."""
    return "position_embeddings" in inspect.signature(type(layer).forward).parameters


class _GivenTables(nn.Module):
    """Stands where an older layer makes its own rotary tables, and passes on those that it is handed."""

    def forward(self, values: torch.Tensor, position_ids: Tables) -> Tables:
        return position_ids


class _WithoutInitialisation(TorchFunctionMode):
    """Leave new parameters unwritten: memory is only touched when the real values come."""

    _FILLS = frozenset({torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.fill_, torch.Tensor.zero_})

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in self._FILLS:
            return args[0]
        return func(*args, **(kwargs or {}))
