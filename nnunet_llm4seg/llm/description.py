"""The description of one layer of a model: its raw `config.json`, read once, whichever `transformers` wrote it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnunet_llm4seg.errors import ModelFilesError, one_line
from nnunet_llm4seg.llm.families import family_of
from nnunet_llm4seg.llm.family import Family
from nnunet_llm4seg.llm.quantised import Fp8, fp8_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class LayerDescription:
    """All that building, filling and feeding a layer needs to know of its model.

    Attributes:
        family: How models of this kind store and build their layers.
        model_type: As `config.json` names the family.
        configuration: `transformers`' own object for the text model.
        index: Which layer this is, counted from 0.
        layers: How many layers the model has.
        hidden_size: D, the size of a token.
        rotary_size: R, the dimensions of a head that rotary tables rotate; 0 if the layer takes no tables.
        theta: Base of the rotary frequencies of this layer.
        scaling: How these are scaled, as in `config.json`; empty if they are not.
        window: A token sees those less than this many tokens away in raster order; None: all.
        published_dtype: The dtype in which the model is published, as `config.json` names it.
        initializer_range: Standard deviation with which the model's matrices are initialised.
        fp8: How its matrices are stored in 8 bits, if they are.
        notes: What a user should know: sentences for the log.
    """

    family: Family
    model_type: str
    configuration: PretrainedConfig
    index: int
    layers: int
    hidden_size: int
    rotary_size: int
    theta: float
    scaling: Mapping[str, Any]
    window: int | None
    published_dtype: str
    initializer_range: float
    fp8: Fp8 | None = None
    notes: tuple[str, ...] = ()


# models of words and images, of which one tower is taken -> how to have the other
_OTHER_TOWER = {
    "clip": (
        "of this CLIP model the layers of its text tower are used; for those of its vision tower, save that with "
        "transformers' CLIPVisionModel and give the folder as model."
    ),
    "siglip": "of this SigLIP model the layers of its vision tower are used.",
}


def describe_layer(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    """Read a model's raw `config.json` for its layer number `layer`.

    Fields that `config.json` omits have the defaults of `transformers`' own class.

    Raises:
        ModelFilesError: the family is not supported, the index is out of range, or the configuration is not one
            that the installed `transformers` can read.
    """
    try:
        return _layer_described(model_config, layer)
    except ModelFilesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise ModelFilesError(
            f"model: its config.json has values that no such model has ({type(error).__name__}: {one_line(error)}); "
            "fetch the model again."
        ) from error


def _layer_described(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    fp8 = fp8_of(model_config)
    family = family_of(model_config)
    raw = _text_config(family, model_config)
    _refuse_other_architecture(family, model_config)
    configuration = _configuration(family, model_config["model_type"], raw)
    layers = int(configuration.num_hidden_layers)
    if layer >= layers:
        raise ModelFilesError(f"layer: {layer} is out of range; this model has layers 0 to {layers - 1}.")
    local = _is_local(family, raw, configuration, layer)
    hidden_size = int(configuration.hidden_size)
    rotary_size, theta = 0, 0.0
    scaling: dict[str, Any] = {}
    if family.rotary:
        theta, scaling = _rope(family, raw, local)
        if not 0 < theta < math.inf:
            raise ValueError(f"the base of the rotary frequencies is {theta}")
        head = getattr(configuration, "head_dim", None) or hidden_size // configuration.num_attention_heads
        share = scaling.pop("partial_rotary_factor", None) or raw.get("partial_rotary_factor") or family.share
        rotary_size = int(head * share)
        if rotary_size % 2:
            raise ModelFilesError(
                f"model: {rotary_size} dimensions per head do not form rotary pairs; choose another model."
            )
    return LayerDescription(
        family=family,
        model_type=model_config["model_type"],
        configuration=configuration,
        index=layer,
        layers=layers,
        hidden_size=hidden_size,
        rotary_size=rotary_size,
        theta=theta,
        scaling=scaling,
        window=family.window(configuration) if local else None,
        published_dtype=model_config.get("dtype") or model_config.get("torch_dtype") or "float32",
        fp8=fp8,
        initializer_range=model_config.get("initializer_range", 0.02),
        notes=tuple(_notes(family, model_config, configuration, layer)),
    )


def _is_local(family: Family, raw: Mapping[str, Any], configuration: PretrainedConfig, layer: int) -> bool:
    if family.typed:
        return bool(configuration.layer_types[layer] == "sliding_attention")
    return family.is_local is not None and family.is_local(raw, layer)


def _refuse_other_architecture(family: Family, model_config: Mapping[str, Any]) -> None:
    """`model_type` alone can be borrowed: what the model's own class is called must agree."""
    for name in model_config.get("architectures") or ():
        if not str(name).lower().startswith(family.models.lower()):
            raise ModelFilesError(
                f"model: its config.json says model_type {model_config['model_type']!r}, but architecture {name!r}, "
                "whose layers may compute something else; choose a model whose architecture begins with "
                f"{family.models}."
            )


def _notes(
    family: Family, model_config: Mapping[str, Any], configuration: PretrainedConfig, layer: int
) -> Iterator[str]:
    if model_config.get("auto_map"):
        yield (
            "model: its config.json names code of its own (auto_map), which is never run; the layer is computed as "
            f"transformers' own {family.layer_class} does."
        )
    if family.turns is not None and not family.turns(configuration, layer):
        yield (
            f"positions: layer {layer} of this model rotates nothing (most of its other layers do), so every value of "
            "positions computes the same."
        )
    if model_config["model_type"] in _OTHER_TOWER:
        yield f"model: {_OTHER_TOWER[model_config['model_type']]}"
    if model_config.get("is_causal") is False and family.rotary:
        yield (
            "model: its config.json says is_causal false, so it was trained to see all tokens; set attention "
            "bidirectional to use it so."
        )


def _text_config(family: Family, model_config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a raw `config.json` that describes the text model: all of it, unless the model is a composite.

    A copy, because `transformers` 5 writes into the configurations that it is given.
    """
    if family.text_key is None:
        return _todays_fields(family, model_config)
    inner = model_config.get(family.text_key)
    if not isinstance(inner, Mapping):
        raise ModelFilesError(f"model: its config.json has no {family.text_key}; fetch the model again.")
    return _todays_fields(family, inner)


def _todays_fields(family: Family, values: Mapping[str, Any]) -> dict[str, Any]:
    raw = deepcopy(dict(values))
    for own, common in family.spelled.items():
        if own in raw:
            raw[common] = raw[own]
    return raw


def _configuration(family: Family, model_type: str, raw: dict[str, Any]) -> PretrainedConfig:
    """`transformers`' configuration object; settings that we would have to ignore are refused."""
    import transformers

    for field, allowed in family.only.items():
        if raw.get(field, allowed[0]) not in allowed:
            raise ModelFilesError(
                f"model: {field} {raw[field]!r} of its config.json is not supported, only "
                f"{' or '.join(map(repr, allowed))}; choose another model."
            )
    name = family.config_type or model_type
    if name not in transformers.CONFIG_MAPPING:
        raise ModelFilesError(
            f"model: the family {model_type!r} is unknown to the installed transformers "
            f"{transformers.__version__}; install a newer one."
        )
    try:
        return transformers.CONFIG_MAPPING[name].from_dict(deepcopy(raw))
    except Exception as error:  # transformers checks a configuration with errors of many types
        raise ModelFilesError(
            f"model: transformers {transformers.__version__} cannot read this config.json "
            f"({type(error).__name__}: {one_line(error)}); fetch the model again or install a newer transformers."
        ) from error


def _rope(family: Family, raw: Mapping[str, Any], local: bool) -> tuple[float, dict[str, Any]]:
    """Base and scaling of a layer's rotary frequencies, from both spellings.

    transformers 4 writes `rope_theta` and `rope_scaling` (and Gemma 3 `rope_local_base_freq`, never scaled), 5
    writes `rope_parameters`; in both there may be one entry per type of layer.
    """
    default = family.theta[1] if local else family.theta[0]
    parameters, _ = _of_layer_type(raw.get("rope_parameters") or {}, local)
    if parameters:
        return float(parameters.get("rope_theta") or raw.get("rope_theta") or default), parameters
    scaling, by_type = _of_layer_type(raw.get("rope_scaling") or {}, local)
    if local and family.local_theta:
        theta = scaling.get("rope_theta") if by_type else None
        return float(theta or raw.get(family.local_theta) or default), scaling if by_type else {}
    return float(scaling.get("rope_theta") or raw.get("rope_theta") or default), scaling


def _of_layer_type(values: Mapping[str, Any], local: bool) -> tuple[dict[str, Any], bool]:
    """The entry for a layer's type, where there is one per type, and whether there is."""
    if not any(isinstance(value, Mapping) for value in values.values()):
        return dict(values), False
    name = "sliding_attention" if local else "full_attention"
    if not isinstance(values.get(name), Mapping):
        raise ModelFilesError(
            f"model: the rotary scaling in its config.json has entries for {', '.join(map(repr, values))}, but none "
            f"for {name!r}; choose another model."
        )
    return dict(values[name]), True
