"""What one layer of a model is, from the model's raw `config.json`, whichever version of `transformers` wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError, one_line
from nnunet_llm4seg.llm.families import family_of


@dataclass(frozen=True)
class LayerDescription:
    """The numbers with which a layer is fed.

    Attributes:
        hidden_size: D, the size of a token.
        layers: How many layers the model has.
        rotary_size: R, the dimensions of a head that rotary tables turn; 0 if the layer takes no tables.
        theta: Base of the rotary frequencies of this layer.
        scaling: How these are scaled, as in `config.json`; empty if they are not.
        window: A token sees those less than this many tokens away in raster order; None: all.
    """

    hidden_size: int
    layers: int
    rotary_size: int
    theta: float
    scaling: Mapping[str, Any]
    window: int | None


def describe(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    """Describe layer number `layer`; what `config.json` leaves out has the default of `transformers`' own class.

    Raises:
        ModelFilesError: the family is not supported, the index is out of range, or the configuration is not one
            that the installed `transformers` can read.
    """
    try:
        return _described(model_config, layer)
    except ModelFilesError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise ModelFilesError(
            f"model: its config.json holds what no such model has ({type(error).__name__}: {one_line(error)}); "
            "fetch the model again."
        ) from error


def _described(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    family, raw = family_of(model_config), text_config(model_config)
    configuration = configuration_of(model_config)
    layers = int(configuration.num_hidden_layers)
    if layer >= layers:
        raise ModelFilesError(f"layer: {layer} is out of range; this model has layers 0 to {layers - 1}.")
    local = family.is_local is not None and family.is_local(raw, layer)
    window = getattr(configuration, "sliding_window", None) if local else None
    hidden_size = int(configuration.hidden_size)
    if not family.rotary:
        return LayerDescription(hidden_size, layers, 0, 0.0, {}, window)
    theta, scaling = _rope(raw, family.theta, local)
    head = getattr(configuration, "head_dim", None) or hidden_size // configuration.num_attention_heads
    share = scaling.pop("partial_rotary_factor", None) or raw.get("partial_rotary_factor") or 1.0
    size = int(head * share)
    if size % 2:
        raise ModelFilesError(f"model: {size} dimensions of a head are no rotary pairs; choose another model.")
    return LayerDescription(hidden_size, layers, size, theta, scaling, window)


def text_config(model_config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a raw `config.json` that describes the text model: all of it, unless the model is a composite.

    A copy, because `transformers` 5 writes into the configurations that it is given.
    """
    family = family_of(model_config)
    if family.text_key is None:
        return deepcopy(dict(model_config))
    inner = model_config.get(family.text_key)
    if not isinstance(inner, Mapping):
        raise ModelFilesError(f"model: its config.json has no {family.text_key}; fetch the model again.")
    return deepcopy(dict(inner))


def configuration_of(model_config: Mapping[str, Any]):
    """`transformers`' configuration object of the text model.

    Raises:
        ModelFilesError: the installed `transformers` cannot read it, or it asks for what we would have to drop.
    """
    import transformers

    family, raw = family_of(model_config), text_config(model_config)
    name = family.config_type or model_config["model_type"]
    for field, allowed in family.only.items():
        if raw.get(field, allowed[0]) not in allowed:
            raise ModelFilesError(
                f"model: {field} {raw[field]!r} of its config.json is not supported, only "
                f"{' or '.join(map(repr, allowed))}; choose another model."
            )
    if name not in transformers.CONFIG_MAPPING:
        raise ModelFilesError(
            f"model: the family {model_config['model_type']!r} is unknown to the installed transformers "
            f"{transformers.__version__}; install a newer one."
        )
    try:
        return transformers.CONFIG_MAPPING[name].from_dict(raw)
    except Exception as error:  # transformers checks a configuration with errors of many types
        raise ModelFilesError(
            f"model: transformers {transformers.__version__} cannot read this config.json "
            f"({type(error).__name__}: {one_line(error)}); fetch the model again or install a newer transformers."
        ) from error


def _rope(raw: Mapping[str, Any], defaults: tuple[float, float], local: bool) -> tuple[float, dict[str, Any]]:
    """Base and scaling of a layer's rotary frequencies, from either spelling.

    transformers 4 writes `rope_theta` and `rope_scaling` (and Gemma 3 `rope_local_base_freq`, never scaled), 5
    writes `rope_parameters`, for Gemma 3 one entry for each type of layer.
    """
    default = defaults[1] if local else defaults[0]
    parameters = raw.get("rope_parameters") or {}
    parameters = parameters.get("sliding_attention" if local else "full_attention", parameters)
    if parameters:
        return float(parameters.get("rope_theta") or raw.get("rope_theta") or default), dict(parameters)
    if local and defaults[0] != defaults[1]:
        return float(raw.get("rope_local_base_freq") or default), {}
    return float(raw.get("rope_theta") or default), dict(raw.get("rope_scaling") or {})
