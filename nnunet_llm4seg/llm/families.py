"""The families of language models whose layers we can build: one row a family."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError


@dataclass(frozen=True)
class Family:
    """How one family of `transformers` models stores and builds its layers.

    Attributes:
        module: The `transformers` module with the layer's class.
        layer_class: Name of that class; its constructor takes (configuration, layer index).
        prefixes: How tensor names of layer `{}` may begin in a checkpoint file.
    """

    module: str
    layer_class: str
    prefixes: tuple[str, ...] = ("model.layers.{}.", "layers.{}.")


FAMILIES: dict[str, Family] = {
    "llama": Family("transformers.models.llama.modeling_llama", "LlamaDecoderLayer"),
    "qwen2": Family("transformers.models.qwen2.modeling_qwen2", "Qwen2DecoderLayer"),
    "mistral": Family("transformers.models.mistral.modeling_mistral", "MistralDecoderLayer"),
}


def family_of(model_config: Mapping[str, Any]) -> Family:
    """The row for a model's raw `config.json`.

    Raises:
        ModelFilesError: the model is of a family without a row.
    """
    model_type = model_config["model_type"]
    if model_type not in FAMILIES:
        raise ModelFilesError(
            f"model: the family {model_type!r} is not supported; choose a model of {', '.join(sorted(FAMILIES))}."
        )
    return FAMILIES[model_type]


def layer_class_of(family: Family) -> type:
    """Import the family's layer class from the installed `transformers`.

    Raises:
        ModelFilesError: the installed version does not have it.
    """
    import transformers

    try:
        return getattr(importlib.import_module(family.module), family.layer_class)
    except (ImportError, AttributeError) as error:
        raise ModelFilesError(
            f"model: transformers {transformers.__version__} has no {family.layer_class}; install a newer one."
        ) from error
