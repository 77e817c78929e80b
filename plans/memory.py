"""The LLM's share of a training's memory, estimated from shapes alone: no weights are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.dtypes import BYTES
from nnunet_llm4seg.llm.locate import config_at_hand
from nnunet_llm4seg.llm.source import LayerSpec
from nnunet_llm4seg.llm.stack import build_stack, describe_layers
from nnunet_llm4seg.plans.grid import planned_grid
from nnunet_llm4seg.plans.network import stage_channels


@dataclass(frozen=True)
class LLMShare:
    """The LLM's share of one training.

    Attributes:
        layer_parameters: Of the language model's layer or consecutive layers.
        trained_parameters: Of the adapters, the gate, norms, LoRA and, if it is trained, the layer.
        file_bytes: The layer in the dtype in which a checkpoint stores it.
        weight_bytes: All weights in float32, with gradient and momentum for those that are trained.
        activation_bytes: What autograd keeps from one forward pass in float32, including the attention weights, which
            fused kernels do not keep; bfloat16 needs about half of it.
    """

    layer_parameters: int
    trained_parameters: int
    file_bytes: int
    weight_bytes: int
    activation_bytes: int

    def __str__(self) -> str:
        return (
            f"the LLM's share: layer {self.layer_parameters:,} parameters ({_megabytes(self.file_bytes)} in a "
            f"checkpoint), trained {self.trained_parameters:,}; in training at most {_megabytes(self.weight_bytes)} "
            f"of weights and {_megabytes(self.activation_bytes)} of activations (float32; bfloat16: about half)"
        )


def estimate_share(
    model_config: Mapping[str, Any], config: LLM4SegConfig, channels: int, grid: Sequence[int], batch_size: int
) -> LLMShare:
    """Count with tensors without memory (torch's device `meta`) and autograd's own list of saved tensors.

    Args:
        model_config: The model's raw `config.json`.
        channels: Of the feature map that goes through the layer.
        grid: Tokens along each axis.

    Raises:
        ModelFilesError: the layer cannot be built.
    """
    stored = model_config.get("dtype") or model_config.get("torch_dtype") or "float32"
    with torch.device("meta"):
        bottleneck = LLMBottleneck(channels, replace(config, dtype="float32"), spec=_spec(model_config, config))
        features = torch.empty(batch_size, channels, *grid, requires_grad=True)
    bottleneck.layer.loaded = True  # only their shapes are needed
    weights = {parameter.untyped_storage()._cdata for parameter in bottleneck.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = bottleneck(features)
    kept[output.untyped_storage()._cdata] = output.untyped_storage()
    layer = sum(p.numel() for p in bottleneck.layer.parameters())
    every = sum(p.numel() for p in bottleneck.parameters())
    trained = sum(p.numel() for p in bottleneck.parameters() if p.requires_grad)
    size = 4 if config.trainable else BYTES.get(stored, 4)
    return LLMShare(layer, trained, size * layer, 4 * (every + 2 * trained), sum(s.nbytes() for s in kept.values()))


def planned_share(configuration: Mapping[str, Any], config: LLM4SegConfig) -> LLMShare | None:
    """The estimate for a configuration of plans, or None if the model's `config.json` is not on this machine.

    Nothing is downloaded.
    """
    model_config = config_at_hand(config.model, config.revision)
    if model_config is None:
        return None
    channels = stage_channels(configuration["architecture"])[config.stage]
    grid = planned_grid(configuration, config.stage)
    return estimate_share(model_config, config, channels, grid, configuration["batch_size"])


def _spec(model_config: Mapping[str, Any], config: LLM4SegConfig) -> LayerSpec:
    """A spec that builds the layer; its dtypes are those in which the estimate counts."""
    if config.weights == "identity":
        return LayerSpec(dict(model_config), {}, "")
    names = build_stack(describe_layers(model_config, config.layer, config.depth)).shapes()
    return LayerSpec(dict(model_config), dict.fromkeys(names, "float32"), "")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
