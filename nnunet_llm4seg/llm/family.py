"""What is to be known of a family of `transformers` models in order to build and feed one of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

DECODER_PREFIXES = ("model.layers.{}.", "layers.{}.")


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
        inner: The families of the text models of a composite that is only a shell around one of them.
        rotary: Whether the layer takes rotary tables; without, only `positions: none` is allowed.
        theta: Base of the rotary frequencies if `config.json` names none: for global and for local layers.
        local_theta: The field of `config.json` with the base for local layers, whose frequencies are never scaled;
            None: they have those of the global layers.
        share: How much of each head is rotated if `config.json` does not say it.
        turns: Whether layer i uses the rotary tables that it takes, from `transformers`' configuration.
        indexed: Whether the layer needs the tokens' indices beside the tables, because it scales queries by them.
        coordinates: Whether the model's own tables count normalised coordinates of a 2D grid, not tokens.
        is_local: Whether layer i sees a local window only (if the configuration has one at all).
        typed: Whether `transformers`' configuration says itself which layers are local.
        window: The size of that window, from `transformers`' configuration.
        sees_all: Whether the model was trained to see all tokens.
        vision: Whether its tokens were patches of images.
        attention: `transformers`' implementation that computes all of the family's attention.
        renamed: Old endings of tensor names in files -> those of today.
        spelled: Names of fields in its `config.json` -> those of the other families.
        only: Fields of `config.json` -> the values that every supported `transformers` implements.
        has: The ending of a tensor's name that versions of `transformers` before the family's layer got its present
            names do not have: with those, it is refused.
    """

    module: str
    layer_class: str
    models: str
    prefixes: tuple[str, ...] = DECODER_PREFIXES
    config_type: str | None = None
    text_key: str | None = None
    inner: tuple[str, ...] = ()
    rotary: bool = True
    theta: tuple[float, float] = (10000.0, 10000.0)
    local_theta: str | None = None
    share: float = 1.0
    turns: Callable[[Any, int], bool] | None = None
    coordinates: bool = False
    indexed: bool = False
    is_local: Callable[[Mapping[str, Any], int], bool] | None = None
    typed: bool = False
    window: Callable[[Any], int | None] = lambda configuration: getattr(configuration, "sliding_window", None)
    sees_all: bool = False
    vision: bool = False
    attention: str = "sdpa"
    renamed: Mapping[str, str] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    has: str | None = None


def decoder(name: str, class_start: str, **details: Any) -> Family:
    """A row for a language model whose layer is called `…DecoderLayer`."""
    return Family(f"transformers.models.{name}.modeling_{name}", f"{class_start}DecoderLayer", class_start, **details)


def encoder(name: str, layer_class: str, inner: str, models: str | None = None) -> Family:
    """A row for a model of BERT's kind, whose files begin with `inner` or, with a head, `{models}.{inner}`."""
    return Family(
        f"transformers.models.{name}.modeling_{name}",
        layer_class,
        name.replace("_", ""),
        prefixes=(f"{inner}.{{}}.", f"{models or name}.{inner}.{{}}."),
        rotary=False,
        sees_all=True,
        renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
        # relative positions need a special attention, which transformers 5 no longer has
        only={"position_embedding_type": ("absolute",), "add_cross_attention": (False,)},
    )


def shell(models: str, prefixes: tuple[str, ...], inner: tuple[str, ...]) -> Family:
    """A row for a composite whose `text_config` describes a model of one of the families `inner`."""
    return Family("", "", models, prefixes=prefixes, text_key="text_config", inner=inner)


def vision(name: str, layer_class: str, models: str, prefixes: tuple[str, ...], **details: Any) -> Family:
    """A row for a vision transformer."""
    module = f"transformers.models.{name}.modeling_{name}"
    return Family(
        module,
        layer_class,
        models,
        prefixes=prefixes,
        sees_all=True,
        vision=True,
        **{"rotary": False, **details},
    )
