"""From settings to a layer's identity and its initial tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm import cache, weights
from nnunet_llm4seg.llm.families import family_of
from nnunet_llm4seg.llm.layer import build_layer
from nnunet_llm4seg.llm.locate import locate, locate_config, read_model_config
from nnunet_llm4seg.llm.tensors import DTYPES, dtype_name, layer_sha256, read_layer

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class LayerSpec:
    """What a layer is, without its values: enough to build its skeleton and to recognise its tensors.

    Attributes:
        model_config: The model's raw `config.json`.
        dtypes: Tensor name (without the layer's prefix) -> dtype in which it is stored.
        sha256: Hash of the initial tensors, see `llm.tensors.layer_sha256`.
    """

    model_config: dict[str, Any]
    dtypes: dict[str, str]
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LayerSpec:
        return cls(**{name: values[name] for name in ("model_config", "dtypes", "sha256")})


def prepare_layer(config: LLM4SegConfig) -> tuple[LayerSpec, Tensors]:
    """Find the model of `config` and make the initial tensors of its layer.

    Returns:
        The layer's spec, and its tensors by name, in their stored dtype: the model's own, or shuffled, or random
        (for which the model's `config.json` suffices).

    Raises:
        ModelNotFoundError, ModelFilesError: see `locate`, `build_layer` and `read_layer`; or a fetched layer is no
            longer what was fetched.
    """
    if config.weights == "random":
        model_config = locate_config(config.model, config.revision, config.layer)
        tensors = _random(model_config, config)
    else:
        folder = locate(config.model, config.revision, config.layer)
        model_config = read_model_config(folder)
        _refuse_changed(folder)
        layer = build_layer(model_config, config.layer)
        shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
        family = family_of(model_config)
        tensors = read_layer(folder, family.prefixes, config.layer, shapes, renamed=family.renamed)
        if config.weights == "shuffled":
            tensors = weights.shuffled(tensors, config.seed)
    dtypes = {name: dtype_name(tensor.dtype) for name, tensor in sorted(tensors.items())}
    return LayerSpec(model_config, dtypes, layer_sha256(tensors)), tensors


def initial_tensors(config: LLM4SegConfig, spec: LayerSpec) -> Tensors:
    """The initial tensors of a layer whose spec is known; random ones need no model files.

    The caller compares them with `spec.sha256`.
    """
    return _random(spec.model_config, config) if config.weights == "random" else prepare_layer(config)[1]


def _refuse_changed(folder: Path) -> None:
    """A damaged layer would be trained with, and its hash written into the plans as the right one."""
    fetched = cache.read(folder)
    if fetched and (changes := cache.changes(fetched)):
        raise ModelFilesError(
            f"model: {folder} is not what was fetched: {'; '.join(changes)}; remove that folder and fetch it again."
        )


def _random(model_config: Mapping[str, Any], config: LLM4SegConfig) -> Tensors:
    """Random initial tensors from a model's shape alone, in the dtype in which the model is published."""
    dtype = DTYPES.get(model_config.get("dtype") or model_config.get("torch_dtype") or "float32", torch.float32)
    layer = build_layer(model_config, config.layer)
    return weights.random(layer, model_config.get("initializer_range", 0.02), dtype, config.seed)
