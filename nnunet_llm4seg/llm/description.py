"""What one layer of a model is: the model's raw `config.json`, read once, whichever `transformers` wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnunet_llm4seg.errors import ModelFilesError, one_line
from nnunet_llm4seg.llm.families import Family, family_of

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
        rotary_size: R, the dimensions of a head that rotary tables turn; 0 if the layer takes no tables.
        theta: Base of the rotary frequencies of this layer.
        scaling: How these are scaled, as in `config.json`; empty if they are not.
        window: A token sees those less than this many tokens away in raster order; None: all.
        published_dtype: The dtype in which the model is published, as `config.json` names it.
        initializer_range: Standard deviation of the model's fresh matrices.
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


def describe_layer(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    """Read a model's raw `config.json` for its layer number `layer`.

    What `config.json` omits has the default of `transformers`' own class.

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
            f"model: its config.json holds what no such model has ({type(error).__name__}: {one_line(error)}); "
            "fetch the model again."
        ) from error


def _layer_described(model_config: Mapping[str, Any], layer: int) -> LayerDescription:
    family = family_of(model_config)
    raw = _text_config(family, model_config)
    configuration = _configuration(family, model_config["model_type"], raw)
    layers = int(configuration.num_hidden_layers)
    if layer >= layers:
        raise ModelFilesError(f"layer: {layer} is out of range; this model has layers 0 to {layers - 1}.")
    local = family.is_local is not None and family.is_local(raw, layer)
    hidden_size = int(configuration.hidden_size)
    rotary_size, theta = 0, 0.0
    scaling: dict[str, Any] = {}
    if family.rotary:
        theta, scaling = _rope(raw, family.theta, local)
        head = getattr(configuration, "head_dim", None) or hidden_size // configuration.num_attention_heads
        share = scaling.pop("partial_rotary_factor", None) or raw.get("partial_rotary_factor") or 1.0
        rotary_size = int(head * share)
        if rotary_size % 2:
            raise ModelFilesError(
                f"model: {rotary_size} dimensions of a head are no rotary pairs; choose another model."
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
        window=getattr(configuration, "sliding_window", None) if local else None,
        published_dtype=model_config.get("dtype") or model_config.get("torch_dtype") or "float32",
        initializer_range=model_config.get("initializer_range", 0.02),
    )


def _text_config(family: Family, model_config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a raw `config.json` that describes the text model: all of it, unless the model is a composite.

    A copy, because `transformers` 5 writes into the configurations that it is given.
    """
    if family.text_key is None:
        return deepcopy(dict(model_config))
    inner = model_config.get(family.text_key)
    if not isinstance(inner, Mapping):
        raise ModelFilesError(f"model: its config.json has no {family.text_key}; fetch the model again.")
    return deepcopy(dict(inner))


def _configuration(family: Family, model_type: str, raw: dict[str, Any]) -> PretrainedConfig:
    """`transformers`' configuration object; refuses what we would have to drop."""
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


def _rope(raw: Mapping[str, Any], defaults: tuple[float, float], local: bool) -> tuple[float, dict[str, Any]]:
    """Base and scaling of a layer's rotary frequencies, from either spelling.

    transformers 4 writes `rope_theta` and `rope_scaling` (and Gemma 3 `rope_local_base_freq`, never scaled), 5
    writes `rope_parameters`, for Gemma 3 one entry per type of layer.
    """
    default = defaults[1] if local else defaults[0]
    parameters = raw.get("rope_parameters") or {}
    parameters = parameters.get("sliding_attention" if local else "full_attention", parameters)
    if parameters:
        return float(parameters.get("rope_theta") or raw.get("rope_theta") or default), dict(parameters)
    if local and defaults[0] != defaults[1]:
        return float(raw.get("rope_local_base_freq") or default), {}
    return float(raw.get("rope_theta") or default), dict(raw.get("rope_scaling") or {})
