"""LLM4SegConfig: what is injected into a network and how. Knows nothing of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from nnunet_llm4seg.errors import ConfigError

WEIGHTS = ("pretrained", "shuffled", "random")
ATTENTIONS = ("causal", "bidirectional")
POSITIONS = ("paper", "rope", "axial", "none")
RESIDUALS = ("none", "gated")
DTYPES = ("auto", "bfloat16", "float32")


def _help(text: str, default: Any, allowed: tuple[str, ...] | None = None) -> Any:
    return field(default=default, metadata={"help": text, "allowed": allowed})


@dataclass(frozen=True, kw_only=True)
class LLM4SegConfig:
    """The settings of one injected layer; the defaults are the preset `paper`.

    Raises:
        ConfigError: a value is of the wrong type or not allowed.
    """

    model: str = _help("hub id or folder of the language model", "meta-llama/Llama-3.2-1B")
    revision: str | None = _help("commit of the model repository", None)
    layer: int = _help("index of the decoder layer, counted from 0", 14)
    weights: str = _help("the model's own weights, or a control without their structure", "pretrained", WEIGHTS)
    trainable: bool = _help("train the layer too", False)
    attention: str = _help("what a token sees: those before it in raster order, or all", "causal", ATTENTIONS)
    positions: str = _help("rotary tables: the paper's, the model's own, per axis, or none", "paper", POSITIONS)
    residual: str = _help("none replaces the features; gated adds to them, from exactly zero", "none", RESIDUALS)
    stage: int = _help("encoder stage whose output goes through the layer; -1 is the bottleneck", -1)
    dtype: str = _help("compute type; auto is bfloat16 where the GPU has it, else float32", "auto", DTYPES)
    seed: int = _help("seed of shuffled and random weights", 0)
    embed_weights: bool = _help("keep the frozen layer inside checkpoints", True)
    max_tokens: int = _help("refuse to train with more tokens at patch size; attention grows with their square", 4096)

    def __post_init__(self) -> None:
        for f in fields(self):
            _check_type(f.name, getattr(self, f.name), f.type)
            allowed = f.metadata["allowed"]
            if allowed and getattr(self, f.name) not in allowed:
                raise ConfigError(
                    f"{f.name}: {getattr(self, f.name)!r} is not allowed; choose one of {', '.join(allowed)}."
                )
        if not self.model.strip():
            raise ConfigError("model: '' is not allowed; give a hub id such as 'org/name' or a folder.")
        if self.layer < 0:
            raise ConfigError(f"layer: {self.layer} is not allowed; layers are counted from 0.")
        if self.stage >= 0:
            raise ConfigError(
                f"stage: {self.stage} is not allowed; stages are counted from the bottleneck: -1, -2, ..."
            )
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed: {self.seed} is not allowed; choose 0 to 2**63 - 1.")

        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens: {self.max_tokens} is not allowed; choose 1 or more.")

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


_TYPES = {"str": (str,), "int": (int,), "bool": (bool,), "str | None": (str, type(None))}


def _check_type(name: str, value: Any, annotation: Any) -> None:
    allowed = _TYPES[annotation]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise ConfigError(f"{name}: {value!r} is a {type(value).__name__}; it must be {annotation}.")
