"""LLM4SegConfig: what is injected into a network and how. Knows nothing of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from nnunet_llm4seg.errors import ConfigError

Weights = Literal["pretrained", "shuffled", "random", "identity"]
Attention = Literal["causal", "bidirectional"]
Positions = Literal["paper", "rope", "axial", "none"]
Residual = Literal["none", "gated", "zero"]
Norm = Literal["none", "layer"]
Dtype = Literal["auto", "bfloat16", "float32"]


@dataclass(frozen=True, kw_only=True)
class LLM4SegConfig:
    """The settings of one injected layer; the defaults are the preset `paper`.

    The fields are also the options of `llm4seg plan` and the table in docs/settings.md.

    Raises:
        ConfigError: a value is of the wrong type or not allowed.

    Example:
        >>> LLM4SegConfig(model="my/model", layer=3, residual="gated").attention
        'causal'
    """

    model: Annotated[str, "hub id or folder of the language model"] = "meta-llama/Llama-3.2-1B"
    revision: Annotated[str | None, "commit of the model repository"] = None
    layer: Annotated[int, "index of the decoder layer, counted from 0"] = 14
    depth: Annotated[int, "how many consecutive layers, from that one on"] = 1
    weights: Annotated[Weights, "the model's own weights, or a control: their structure or the layer is missing"] = (
        "pretrained"
    )
    trainable: Annotated[bool, "train the layer too"] = False
    lora_rank: Annotated[int, "rank of trained updates of the frozen layer's linear maps (LoRA); 0: none"] = 0
    attention: Annotated[Attention, "what a token sees: those before it in raster order, or all"] = "causal"
    positions: Annotated[Positions, "rotary tables: the paper's, the model's own, per axis, or none"] = "paper"
    residual: Annotated[Residual, "none replaces the features; gated and zero add to them, from exactly 0"] = "none"
    norm: Annotated[Norm, "a trained LayerNorm of the tokens before and after the layer, or none"] = "none"
    stage: Annotated[int, "encoder stage whose output goes through the layer; -1 is the bottleneck"] = -1
    dtype: Annotated[Dtype, "compute type; auto is bfloat16 if the GPU or CPU computes in it, else float32"] = "auto"
    seed: Annotated[int, "seed of shuffled and random weights"] = 0
    embed_weights: Annotated[bool, "keep the frozen layer inside checkpoints"] = True
    max_tokens: Annotated[int, "refuse more tokens at patch size; attention grows with their square"] = 4096

    def __post_init__(self) -> None:
        for setting in settings():
            _check(setting, getattr(self, setting.name))
        if not self.model.strip():
            raise ConfigError("model: '' is not allowed; give a hub id such as 'org/name' or a folder.")
        if self.layer < 0:
            raise ConfigError(f"layer: {self.layer} is not allowed; layers are counted from 0.")
        if self.depth < 1:
            raise ConfigError(f"depth: {self.depth} is not allowed; choose 1 or more layers.")
        if self.stage >= 0:
            raise ConfigError(
                f"stage: {self.stage} is not allowed; stages are counted from the bottleneck: -1, -2, ..."
            )
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed: {self.seed} is not allowed; choose 0 to 2**63 - 1.")
        if self.weights == "identity" and self.trainable:
            raise ConfigError("trainable: true is not allowed with weights identity, which has no layer to train.")
        if self.lora_rank < 0:
            raise ConfigError(f"lora_rank: {self.lora_rank} is not allowed; choose 0 (no LoRA) or a rank such as 8.")
        if self.lora_rank and self.trainable:
            raise ConfigError(
                f"lora_rank: {self.lora_rank} is not allowed with trainable true, because it adapts a frozen layer; "
                "set one of the two."
            )
        if self.lora_rank and self.weights == "identity":
            raise ConfigError(
                f"lora_rank: {self.lora_rank} is not allowed with weights identity, which has no layer to adapt."
            )
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens: {self.max_tokens} is not allowed; choose 1 or more.")

    @property
    def layers(self) -> str:
        """Which layers, in words."""
        return layers_in_words(self.layer, self.depth)

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LLM4SegConfig:
        """Build from some of the fields; the others keep their defaults.

        Raises:
            ConfigError: a field does not exist, or its value is not allowed.
        """
        names = [f.name for f in fields(cls)]
        for name in values:
            if name not in names:
                raise ConfigError(f"{name}: there is no such field; the fields are {', '.join(names)}.")
        return cls(**values)


@dataclass(frozen=True)
class Setting:
    """One field of `LLM4SegConfig`.

    Attributes:
        kind: `str`, `int` or `bool`.
        optional: Whether None is allowed.
        allowed: The values to choose from; empty where any value of that kind will do.
    """

    name: str
    help: str
    default: Any
    kind: type
    optional: bool
    allowed: tuple[str, ...]


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """All fields of `LLM4SegConfig`, in order."""
    hints = get_type_hints(LLM4SegConfig, include_extras=True)
    found = []
    for f in fields(LLM4SegConfig):
        hint, text = get_args(hints[f.name])
        allowed = get_args(hint) if get_origin(hint) is Literal else ()
        optional = type(None) in get_args(hint)
        kind = str if allowed else next(each for each in (bool, int, str) if each in (hint, *get_args(hint)))
        found.append(Setting(f.name, text, f.default, kind, optional, allowed))
    return tuple(found)


def layers_in_words(first: int, depth: int) -> str:
    """`layer 14` or `layers 14 to 15`."""
    return f"layer {first}" if depth == 1 else f"layers {first} to {first + depth - 1}"


def as_options(values: Mapping[str, Any]) -> list[str]:
    """Fields of `LLM4SegConfig` as options of `llm4seg plan`."""
    words = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words += [f"--{option}", str(value)]
    return words


def _check(setting: Setting, value: Any) -> None:
    if value is None and setting.optional:
        return
    if type(value) is not setting.kind:
        wanted = setting.kind.__name__ + (" | None" if setting.optional else "")
        raise ConfigError(f"{setting.name}: {value!r} is a {type(value).__name__}; it must be {wanted}.")
    if setting.allowed and value not in setting.allowed:
        raise ConfigError(f"{setting.name}: {value!r} is not allowed; choose one of {', '.join(setting.allowed)}.")
