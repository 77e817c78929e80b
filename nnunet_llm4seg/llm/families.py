"""The families of models whose layers we can build: one row per family."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.family import DECODER_PREFIXES, Family, decoder, encoder, shell, vision
from nnunet_llm4seg.llm.refused_families import refuse_family


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


def _all_but_every_third(model_config: Mapping[str, Any], layer: int) -> bool:
    types = model_config.get("layer_types")
    return (
        types[layer] == "sliding_attention"
        if types
        else layer % model_config.get("global_attn_every_n_layers", 3) != 0
    )


def _rotates_local_layers(configuration: Any, layer: int) -> bool:
    """EXAONE 4's global layers rotate nothing where it has local ones."""
    return configuration.sliding_window is None or configuration.layer_types[layer] == "sliding_attention"


def _not_named_without_rope(configuration: Any, layer: int) -> bool:
    return bool(configuration.no_rope_layers[layer])


# Gemma 3 has a separate theta for its global layers; transformers ignores a soft cap there.
_GEMMA3 = {
    "config_type": "gemma3_text",
    "theta": (1_000_000.0, 10000.0),
    "local_theta": "rope_local_base_freq",
    "is_local": _all_but_every_sixth,
    "only": {"attn_logit_softcapping": (None,)},
}

_INSIDE = ("language_model.model.layers.{}.", "model.language_model.layers.{}.")
# the names in published files -> those in transformers' models since 5.x; more specific endings first
_VIT_ATTENTION = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}


def _renamed(modules: Mapping[str, str]) -> dict[str, str]:
    return {f"{old}.{kind}": f"{new}.{kind}" for old, new in modules.items() for kind in ("weight", "bias")}


def _clip_text(**details: Any) -> Family:
    prefixes = ("text_model.encoder.layers.{}.", "encoder.layers.{}.")
    module = "transformers.models.clip.modeling_clip"
    return Family(module, "CLIPEncoderLayer", "CLIP", prefixes=prefixes, rotary=False, **details)


FAMILIES: dict[str, Family] = {
    "llama": decoder("llama", "Llama"),  # and those of its shape: TinyLlama, SmolLM, SmolLM2
    "qwen2": decoder("qwen2", "Qwen2", is_local=_from_max_window_layers),
    "qwen3": decoder("qwen3", "Qwen3", is_local=_from_max_window_layers),
    "mistral": decoder("mistral", "Mistral", is_local=_everywhere),
    "phi3": decoder("phi3", "Phi3", is_local=_everywhere),
    "gemma": decoder("gemma", "Gemma"),
    # only the eager attention caps its logits in every version
    "gemma2": decoder("gemma2", "Gemma2", is_local=_every_second, attention="eager"),
    "gemma3_text": decoder("gemma3", "Gemma3", **_GEMMA3),
    "gemma3": decoder(
        "gemma3",
        "Gemma3",
        text_key="text_config",
        prefixes=("language_model.model.layers.{}.", "model.language_model.layers.{}.", *DECODER_PREFIXES),
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
    "olmo2": decoder("olmo2", "Olmo2", theta=(500_000.0, 500_000.0)),
    "olmo3": decoder("olmo3", "Olmo3", theta=(500_000.0, 500_000.0), local_theta="rope_theta", typed=True),
    "exaone4": decoder("exaone4", "Exaone4", typed=True, turns=_rotates_local_layers),
    "ministral": decoder("ministral", "Ministral", typed=True),
    "ministral3": decoder(
        "ministral3", "Ministral3", theta=(1_000_000.0, 1_000_000.0), is_local=_everywhere, indexed=True
    ),
    "smollm3": decoder(
        "smollm3", "SmolLM3", theta=(2_000_000.0, 2_000_000.0), typed=True, turns=_not_named_without_rope
    ),
    "granite": decoder("granite", "Granite"),
    "phi": decoder("phi", "Phi", share=0.5),
    "stablelm": decoder("stablelm", "StableLm", share=0.25),
    "gpt_neox": Family(
        "transformers.models.gpt_neox.modeling_gpt_neox",
        "GPTNeoXLayer",
        "GPTNeoX",
        prefixes=("gpt_neox.layers.{}.", "layers.{}."),
        share=0.25,
        spelled={"rotary_emb_base": "rope_theta", "rotary_pct": "partial_rotary_factor"},
    ),
    "biogpt": decoder("biogpt", "BioGpt", rotary=False, prefixes=("biogpt.layers.{}.", "layers.{}.")),
    "opt": decoder("opt", "OPT", rotary=False, prefixes=("model.decoder.layers.{}.", "decoder.layers.{}.")),
    "mistral3": shell("Mistral3", _INSIDE, ("mistral", "ministral3")),
    "voxtral": shell("Voxtral", _INSIDE, ("llama",)),
    "clip_text_model": _clip_text(),
    "clip": _clip_text(text_key="text_config", config_type="clip_text_model"),
    "modernbert": Family(
        "transformers.models.modernbert.modeling_modernbert",
        "ModernBertEncoderLayer",
        "ModernBert",
        theta=(160_000.0, 10000.0),
        local_theta="rope_local_base_freq",
        spelled={"global_rope_theta": "rope_theta", "local_rope_theta": "rope_local_base_freq"},
        is_local=_all_but_every_third,
        window=lambda configuration: configuration.local_attention // 2 + 1,
        sees_all=True,
    ),
    "bert": encoder("bert", "BertLayer", "encoder.layer"),
    "roberta": encoder("roberta", "RobertaLayer", "encoder.layer"),
    "xlm-roberta": encoder("xlm_roberta", "XLMRobertaLayer", "encoder.layer", "roberta"),
    "distilbert": encoder("distilbert", "TransformerBlock", "transformer.layer"),
    "vit": vision(
        "vit",
        "ViTLayer",
        "ViT",
        ("encoder.layer.{}.", "vit.encoder.layer.{}.", "layers.{}."),
        renamed=_renamed({**_VIT_ATTENTION, "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2"}),
        has="attention.q_proj.weight",
    ),
    "dinov2": vision(
        "dinov2",
        "Dinov2Layer",
        "Dinov2",
        ("encoder.layer.{}.", "dinov2.encoder.layer.{}."),
        renamed=_renamed(_VIT_ATTENTION),
        has="attention.q_proj.weight",
        only={"use_swiglu_ffn": (False,)},  # published files have its two halves in one tensor
    ),
    "dinov3_vit": vision(
        "dinov3_vit",
        "DINOv3ViTLayer",
        "DINOv3ViT",
        ("layer.{}.", "model.layer.{}."),
        rotary=True,
        theta=(100.0, 100.0),
        coordinates=True,
    ),
    "clip_vision_model": vision(
        "clip", "CLIPEncoderLayer", "CLIPVision", ("vision_model.encoder.layers.{}.", "encoder.layers.{}.")
    ),
    "siglip_vision_model": vision(
        "siglip", "SiglipEncoderLayer", "SiglipVision", ("vision_model.encoder.layers.{}.", "encoder.layers.{}.")
    ),
    "siglip": vision(
        "siglip",
        "SiglipEncoderLayer",
        "Siglip",
        ("vision_model.encoder.layers.{}.",),
        text_key="vision_config",
        config_type="siglip_vision_model",
    ),
}


def family_of(model_config: Mapping[str, Any]) -> Family:
    """The row for a model's raw `config.json`; of a composite, that of its text model with the composite's names.

    Raises:
        ModelFilesError: the model is of a family without a row.
    """
    model_type = model_config["model_type"]
    row = FAMILIES.get(model_type)
    if row is None:
        refuse_family(model_type, FAMILIES)
    if not row.inner:
        return row
    text = model_config.get("text_config")
    inner = (text.get("model_type") if isinstance(text, Mapping) else None) or row.inner[0]
    if inner not in row.inner:
        raise ModelFilesError(
            f"model: its text model is of the family {inner!r}, but only {' or '.join(map(repr, row.inner))} is "
            f"supported inside {model_type!r}; choose another model."
        )
    return replace(FAMILIES[inner], models=row.models, prefixes=row.prefixes, text_key=row.text_key, config_type=inner)


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
