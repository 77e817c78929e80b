"""The families of language models whose layers we can build: one row per family."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError

_DECODER = ("model.layers.{}.", "layers.{}.")


def _everywhere(model_config: Mapping[str, Any], layer: int) -> bool:
    return True


def _from_max_window_layers(model_config: Mapping[str, Any], layer: int) -> bool:
    types = model_config.get("layer_types")
    return types[layer] == "sliding_attention" if types else layer >= model_config.get("max_window_layers", 28)


def _every_second(model_config: Mapping[str, Any], layer: int) -> bool:
    types = model_config.get("layer_types")
    return types[layer] == "sliding_attention" if types else layer % 2 == 0


def _all_but_every_sixth(model_config: Mapping[str, Any], layer: int) -> bool:
    types = model_config.get("layer_types")
    pattern = model_config.get("sliding_window_pattern", model_config.get("_sliding_window_pattern", 6))
    return types[layer] == "sliding_attention" if types else (layer + 1) % pattern != 0


@dataclass(frozen=True)
class Family:
    """How one family of `transformers` models stores and builds its layers.

    Attributes:
        module: The `transformers` module with the layer's class.
        layer_class: Name of that class.
        models: How the class names of the family's models begin, in any case.
        prefixes: How tensor names of layer `{}` may begin in a checkpoint file.
        config_type: The `model_type` under which `transformers` knows the configuration of the text model.
        text_key: Where a composite configuration keeps that of its text model.
        rotary: Whether the layer takes rotary tables; without, only `positions: none` is allowed.
        theta: Base of the rotary frequencies if `config.json` names none: for global and for local layers.
        is_local: Whether layer i sees a local window only (if the configuration has one at all).
        attention: `transformers`' implementation that computes all of the family's attention.
        renamed: Old endings of tensor names in files -> those of today.
        only: Fields of `config.json` -> the values that every supported `transformers` implements.
    """

    module: str
    layer_class: str
    models: str
    prefixes: tuple[str, ...] = _DECODER
    config_type: str | None = None
    text_key: str | None = None
    rotary: bool = True
    theta: tuple[float, float] = (10000.0, 10000.0)
    is_local: Callable[[Mapping[str, Any], int], bool] | None = None
    attention: str = "sdpa"
    renamed: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def _decoder(name: str, class_start: str, **details: Any) -> Family:
    return Family(f"transformers.models.{name}.modeling_{name}", f"{class_start}DecoderLayer", class_start, **details)


def _encoder(name: str, layer_class: str, inner: str) -> Family:
    return Family(
        f"transformers.models.{name}.modeling_{name}",
        layer_class,
        name,
        prefixes=(f"{inner}.{{}}.", f"{name}.{inner}.{{}}."),
        rotary=False,
        renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
        # relative positions need a special attention, which transformers 5 no longer has
        only={"position_embedding_type": ("absolute",), "add_cross_attention": (False,)},
    )


# Gemma 3 has a separate theta for its global layers; transformers ignores a soft cap there.
_GEMMA3 = {
    "config_type": "gemma3_text",
    "theta": (1_000_000.0, 10000.0),
    "is_local": _all_but_every_sixth,
    "only": {"attn_logit_softcapping": (None,)},
}

FAMILIES: dict[str, Family] = {
    "llama": _decoder("llama", "Llama"),  # and those of its shape: TinyLlama, SmolLM, SmolLM2
    "qwen2": _decoder("qwen2", "Qwen2", is_local=_from_max_window_layers),
    "qwen3": _decoder("qwen3", "Qwen3", is_local=_from_max_window_layers),
    "mistral": _decoder("mistral", "Mistral", is_local=_everywhere),
    "phi3": _decoder("phi3", "Phi3", is_local=_everywhere),
    "gemma": _decoder("gemma", "Gemma"),
    # only the eager attention caps its logits in every version
    "gemma2": _decoder("gemma2", "Gemma2", is_local=_every_second, attention="eager"),
    "gemma3_text": _decoder("gemma3", "Gemma3", **_GEMMA3),
    "gemma3": _decoder(
        "gemma3",
        "Gemma3",
        text_key="text_config",
        prefixes=("language_model.model.layers.{}.", "model.language_model.layers.{}.", *_DECODER),
        **_GEMMA3,
    ),
    "gpt2": Family(
        "transformers.models.gpt2.modeling_gpt2",
        "GPT2Block",
        "GPT2",
        prefixes=("h.{}.", "transformer.h.{}."),
        rotary=False,
        # transformers 4's attention with explicit masks always scales by 1 / sqrt(head size)
        only={
            "scale_attn_weights": (True,),
            "scale_attn_by_inverse_layer_idx": (False,),
            "add_cross_attention": (False,),
        },
    ),
    "bert": _encoder("bert", "BertLayer", "encoder.layer"),
    "roberta": _encoder("roberta", "RobertaLayer", "encoder.layer"),
    "distilbert": _encoder("distilbert", "TransformerBlock", "transformer.layer"),
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


def layer_class_of(family: Family, model_type: str) -> type[Any]:
    """Import a family's layer class from the installed `transformers`.

    Raises:
        ModelFilesError: the installed version does not have it.
    """
    import transformers

    try:
        return getattr(importlib.import_module(family.module), family.layer_class)
    except (ImportError, AttributeError) as error:
        raise ModelFilesError(
            f"model: the family {model_type!r} is unknown to the installed transformers "
            f"{transformers.__version__} (it has no {family.layer_class}); install a newer one."
        ) from error
