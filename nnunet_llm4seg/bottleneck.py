"""LLMBottleneck: one LLM layer as a module for feature maps, usable in any network.

Source: LLM4Seg (arXiv 2506.18034). The preset `paper` computes what its official code computes:
flatten the grid, Linear(C -> D), one decoder layer, Linear(D -> C), reshape. It deviates where that code cannot
work elsewhere: any grid, 2D and 3D, no CUDA needed, only one layer's tensors read, precision set explicitly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.identity import NoLayer
from nnunet_llm4seg.llm.layer import LLMLayer
from nnunet_llm4seg.llm.lora import add_low_rank
from nnunet_llm4seg.llm.precision import Move, island, moves_only
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer


class LLMBottleneck(nn.Module):
    """Send every position of a feature map as a token through one layer of a language model.

    Shapes: (B, C, H, W) or (B, C, D, H, W) in, the same out, in the dtype of the input; any grid.

    Args:
        channels: C, the channels of the feature map.
        config: What is injected and how.
        spec: The layer's identity, if it is known already: then only a skeleton is built, and the tensors come
            from `load_state_dict` or `load_layer`. Without it the model is looked up and the layer is
            loaded at once.
        prepared: The layer's tensors, if they were read already.

    State-dict keys: `adapter1.*` (Linear C -> D), `layer.*` (the names of `transformers`), `adapter2.*`
    (Linear D -> C); if `residual` is `gated`, `gate` (one number); if `norm` is `layer`, `norm1.*` and `norm2.*`
    (before and after the layer); with a `lora_rank`, `lora.*` (`A` and `B` of each of the layer's linear maps, by its
    name).

    Attributes:
        layer: The layer for tokens, see `llm.layer.LLMLayer`, or `llm.identity.NoLayer` if `weights` is `identity`.
        finite: After a forward pass, a boolean tensor: whether the output was finite before any clamping.
        finite_input: Likewise, whether the features that came in were finite.
        clamped: Likewise, the share of the output's values that exceeded the dtype of the features.
        share: Likewise in training mode, the mean norm of what is added to the features (or replaces them, if
            `residual` is `none`), divided by the mean norm of the features; norms are over channels.

    Raises:
        LLM4SegError: see `llm.source.prepare_layer`.

    Example:
        >>> block = LLMBottleneck(256, LLM4SegConfig(model="path/to/model", layer=14))
        >>> block(torch.randn(2, 256, 16, 16)).shape
        torch.Size([2, 256, 16, 16])
    """

    def __init__(
        self,
        channels: int,
        config: LLM4SegConfig,
        *,
        spec: LayerSpec | None = None,
        prepared: PreparedLayer | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        layer_class = NoLayer if config.weights == "identity" else LLMLayer
        layer = layer_class(config, spec=spec, prepared=prepared)
        self.adapter1 = nn.Linear(channels, layer.hidden_size)
        self.layer = layer
        self.adapter2 = nn.Linear(layer.hidden_size, channels)
        if config.norm == "layer":
            self.norm1, self.norm2 = nn.LayerNorm(layer.hidden_size), nn.LayerNorm(layer.hidden_size)
        if config.lora_rank:  # beside the layer, never inside its names; after the adapters, which then start alike
            self.lora = add_low_rank(layer, config.lora_rank)
        if config.residual == "gated":
            self.gate = nn.Parameter(torch.zeros(1))
        if config.residual == "zero":
            nn.init.zeros_(self.adapter2.weight)
            nn.init.zeros_(self.adapter2.bias)
        self.finite: torch.Tensor | None = None
        self.finite_input: torch.Tensor | None = None
        self.clamped: torch.Tensor | None = None
        self.share: torch.Tensor | None = None
        self.register_load_state_dict_pre_hook(_check_incoming)
        self.register_load_state_dict_post_hook(_finish_loading)

    @property
    def spec(self) -> LayerSpec:
        """The layer's identity."""
        return self.layer.spec

    @property
    def loaded(self) -> bool:
        """Whether the layer holds its values."""
        return self.layer.loaded

    @property
    def gate_value(self) -> float | None:
        """The gate's value, or None if there is no gate."""
        return self.gate.item() if self.config.residual == "gated" else None

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, *grid) -> (B, C, *grid)."""
        self.layer.refuse_unloaded()
        grid = features.shape[2:]
        with island(features.device.type, self.layer.compute_dtype):
            tokens = features.flatten(2).transpose(1, 2).to(torch.float32)  # (B, N, C)
            hidden = self._through_layer(self.adapter1(tokens), grid)  # (B, N, D)
            update = self.adapter2(hidden).transpose(1, 2).unflatten(2, grid).float()  # (B, C, *grid)
            if self.config.residual == "gated":
                update = self.gate * update
            if self.training:
                self.share = _mean_norm(update) / _mean_norm(features)
            output = update if self.config.residual == "none" else features + update
            limit = min(torch.finfo(features.dtype).max, torch.finfo(output.dtype).max)
            values = output.detach()
            self.finite, self.finite_input = torch.isfinite(values).all(), torch.isfinite(features.detach()).all()
            self.clamped = (values.abs() > limit).sum() / max(values.numel(), 1)
            return (
                output.clamp(-limit, limit).to(features.dtype).contiguous()
            )  # so that the decoder keeps its memory layout

    def _through_layer(self, hidden: torch.Tensor, grid: Sequence[int]) -> torch.Tensor:
        # torch.compile may serve a block with the graph of another one whose values that were read are equal, and it
        # does not look at hooks: unread, LoRA would be lost
        bool(self.config.lora_rank)
        if self.config.norm == "none":
            return self.layer(hidden, grid)
        return self.norm2(self.layer(self.norm1(hidden), grid))

    def load_layer(self, prepared: PreparedLayer) -> None:
        """Fill the layer with its initial tensors, which are removed from `prepared`.

        Raises:
            LayerMismatchError: they are not the tensors that the spec names.
        """
        self.layer.fill(prepared.tensors, prepared.spec.sha256)

    def _apply(self, fn: Move, recurse: bool = True) -> LLMBottleneck:
        """Moves between devices only: layer and adapters keep their dtypes in a network that is cast."""
        super()._apply(moves_only(fn), recurse)
        return self


def _mean_norm(maps: torch.Tensor) -> torch.Tensor:
    """(B, C, *grid) -> the mean over all positions of the norm over channels."""
    return maps.detach().float().norm(dim=1).mean()


def _check_incoming(module: LLMBottleneck, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Check the layer before anything is loaded; with our adapters and without it, a state dict refers to it."""
    if f"{prefix}adapter1.weight" in state:
        module.layer.refer(state, f"{prefix}layer.")
    module.layer.check(state, f"{prefix}layer.")


def _finish_loading(module: LLMBottleneck, *_: object) -> None:
    """The adapters are float32 whatever `assign=True` brought."""
    for name, parameter in module.named_parameters():
        if not name.startswith("layer.") and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()
