"""From settings to a layer's identity and its initial tensors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.llm import cache, controls
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.dtypes import BYTES, dtype_name, torch_dtype
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import Tensors, read_layer
from nnunet_llm4seg.llm.locate import config_at_hand, find_gguf, locate, locate_config
from nnunet_llm4seg.llm.model_config import read_model_config
from nnunet_llm4seg.llm.stack import Stack, build_stack, describe_layers, joined

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerSpec:
    """What a layer is, without its values: enough to build its skeleton and to recognise its tensors.

    Several consecutive layers (`depth`) are one unit, whose tensors are named `{i}.{name}`.

    Attributes:
        model_config: The model's raw `config.json`.
        dtypes: Tensor name (without the layer's prefix) -> dtype in which it is stored.
        sha256: Hash of the initial tensors, see `llm.hashing`.
        quantisation: How the model's file stored the layer, such as `Q4_1`, or None where it is not quantised.
    """

    model_config: dict[str, Any]
    dtypes: dict[str, str]
    sha256: str
    quantisation: str | None = None

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return values if self.quantisation else {name: v for name, v in values.items() if name != "quantisation"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LayerSpec:
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


@dataclass(frozen=True)
class PreparedLayer:
    """A layer that was read and hashed once, ready to be loaded into a module once.

    Attributes:
        spec: Its identity; `sha256` was computed from these tensors.
        tensors: By name without prefix, in their stored dtype. Loading them into a module empties this.
        stack: The layer, or the consecutive layers, without values; None if there is none (`identity`).
    """

    spec: LayerSpec
    tensors: Tensors = field(repr=False)
    stack: Stack | None = field(default=None, repr=False)


def prepare_layer(config: LLM4SegConfig) -> PreparedLayer:
    """Find the model of `config` and make the initial tensors of its layer.

    They are the model's own, or shuffled, or random (for which the model's `config.json` suffices), or none
    (`identity`, which never asks the hub).

    Raises:
        ModelNotFoundError, ModelFilesError: see `locate`, `build_layer`, `read_layer` and `GGUFModel`; or a fetched
            layer is no longer what was fetched; or `identity` does not know the model's hidden size.
    """
    if config.weights == "identity":
        return _identity(config)
    if config.weights == "random":
        return _random(locate_config(config.model, config.revision, config.layer), config)
    if (file := find_gguf(config.model)) is not None:
        return _from_gguf(file, config)
    return _from_folder(locate(config.model, config.revision, config.layer, config.depth), config)


def _from_folder(folder: Path, config: LLM4SegConfig) -> PreparedLayer:
    model_config = read_model_config(folder)
    fetched = cache.read(folder)
    if fetched:
        _refuse_changed(fetched, "config.json")
    stack = _built(model_config, config)
    tensors = joined(
        [
            read_layer(folder, about.family, about.index, layer.shapes(), about.fp8)
            for layer, about in zip(stack.layers, stack.descriptions, strict=True)
        ]
    )
    prepared = _prepared(model_config, _ordered(tensors, config), stack)
    if fetched and prepared.spec.sha256 != fetched.provenance["layer_sha256"]:
        _refuse_changed(fetched, cache.WEIGHTS_FILE)  # shuffled, expanded, some of its layers, or damaged
    fp8 = stack.descriptions[0].fp8
    return _stored_as(str(fp8) if fp8 else None, prepared)


def _from_gguf(file: Path, config: LLM4SegConfig) -> PreparedLayer:
    from nnunet_llm4seg.llm.gguf_files import GGUFModel

    model = GGUFModel(file)
    stack = build_stack(describe_layers(model.config, config.layer, config.depth))
    read = [model.read_layer(config.layer + i, layer.shapes()) for i, layer in enumerate(stack.layers)]
    quantisation = model.quantisation(config.layer, config.depth)
    return _stored_as(quantisation, _prepared(model.config, _ordered(joined(read), config), stack))


def _built(model_config: Mapping[str, Any], config: LLM4SegConfig) -> Stack:
    """The layers without values; what a user should know of them is logged."""
    stack = build_stack(describe_layers(model_config, config.layer, config.depth))
    _say(stack, config)
    return stack


def _stored_as(quantisation: str | None, prepared: PreparedLayer) -> PreparedLayer:
    return replace(prepared, spec=replace(prepared.spec, quantisation=quantisation)) if quantisation else prepared


def _say(stack: Stack, config: LLM4SegConfig) -> None:
    """What a user should know, in the log."""
    for note in dict.fromkeys(note for description in stack.descriptions for note in description.notes):
        _log.warning(note)
    description = stack.descriptions[0]
    if description.family.vision and config.attention == "causal":
        _log.warning(
            "attention: causal, but the layer is of a vision transformer (%s), which was trained to see all tokens; "
            "set attention bidirectional to use it so.",
            description.model_type,
        )


def _ordered(tensors: Tensors, config: LLM4SegConfig) -> Tensors:
    return controls.shuffled(tensors, config.seed) if config.weights == "shuffled" else tensors


def prepare_known(config: LLM4SegConfig, spec: LayerSpec) -> PreparedLayer:
    """As `prepare_layer`, for a layer whose spec is known; random tensors then need no model files.

    The sha256 is compared with that of `spec` when they are loaded into a module.
    """
    return _random(spec.model_config, config) if config.weights == "random" else prepare_layer(config)


def _refuse_changed(fetched: cache.CachedLayer, file: str) -> None:
    """Refuse a damaged layer: it would be trained with, and its hash written into the plans as the right one."""
    if change := cache.change(fetched, file):
        raise ModelFilesError(
            f"model: {fetched.folder} has changed since it was fetched: {change}; remove it, fetch it again."
        )


def _random(model_config: Mapping[str, Any], config: LLM4SegConfig) -> PreparedLayer:
    """Random initial tensors from a model's shape alone, in the dtype in which the model is published."""
    stack = _built(model_config, config)
    name, spread = stack.descriptions[0].published_dtype, stack.descriptions[0].initializer_range
    dtype = torch_dtype(name if name in BYTES else "float32")
    return _prepared(model_config, controls.random(stack.module, spread, dtype, config.seed), stack)


def _identity(config: LLM4SegConfig) -> PreparedLayer:
    """No tensors; of the model only the hidden size is used."""
    model_config = config_at_hand(config.model, config.revision)
    if model_config is None:
        raise ModelNotFoundError(
            f"model: the hidden size of {config.model!r} is not known here, and weights identity fetches nothing; "
            "give a folder with its config.json, or a model that `llm4seg models` lists, without a revision."
        )
    describe_layer(model_config, 0)  # it must be a model that we know
    return _prepared(model_config, {}, None)


def _prepared(model_config: Mapping[str, Any], tensors: Tensors, stack: Stack | None) -> PreparedLayer:
    dtypes = {name: dtype_name(tensor.dtype) for name, tensor in sorted(tensors.items())}
    spec = LayerSpec(dict(model_config), dtypes, layer_sha256(tensors))
    return PreparedLayer(spec, tensors, stack)
