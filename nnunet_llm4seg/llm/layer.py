"""LLMLayer: one layer of a language model, or some consecutive ones, as a module from tokens to tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.held import HeldTensors
from nnunet_llm4seg.llm.inputs import LayerInputs
from nnunet_llm4seg.llm.precision import island
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer, prepare_layer
from nnunet_llm4seg.llm.stack import build_stack, describe_layers


class LLMLayer(HeldTensors):
    """Send tokens through one layer of a language model, or through `config.depth` consecutive ones.

    Shapes: (B, N, D) in and out. The output has the dtype in which the layer computes.

    Args:
        config: Which layer, and how it is used. `residual`, `norm`, `lora_rank` and `stage` concern what surrounds it,
            see `bottleneck.LLMBottleneck`.
        spec: The layer's identity, if it is known already: then only a skeleton is built, and the tensors come
            from `load_state_dict` or `fill`.
        prepared: The layer's tensors, if they were read already. Without these two the model is looked up.

    State-dict keys and names of parameters are those of `transformers`' layer, such as `self_attn.q_proj.weight`, and
    with several layers `0.self_attn.q_proj.weight`, …

    Attributes:
        hidden_size: D.
        loaded: Whether the parameters hold the layer's values.
        compute_dtype: The dtype of the layer's matrix products on its present device.

    Raises:
        LLM4SegError: see `llm.source.prepare_layer`.

    Example:
        >>> layer = LLMLayer(LLM4SegConfig(model="path/to/model", layer=14))
        >>> layer(torch.randn(2, 100, layer.hidden_size)).shape == (2, 100, layer.hidden_size)
        True
    """

    def __init__(
        self, config: LLM4SegConfig, *, spec: LayerSpec | None = None, prepared: PreparedLayer | None = None
    ) -> None:
        if spec is None:
            prepared = prepared or prepare_layer(config)
            spec = prepared.spec
        stack = prepared.stack if prepared else None
        if stack is None:
            stack = build_stack(describe_layers(spec.model_config, config.layer, config.depth))
        super().__init__(config, spec, stack.module)
        self.hidden_size, self._layers = stack.hidden_size, stack.layers
        self._inputs = LayerInputs(config, stack)
        self._settle()
        self.train()
        if prepared is not None:
            self.fill(prepared.tensors, prepared.spec.sha256)

    @property
    def blocks(self) -> list[nn.Module]:
        """The layers of `transformers`' own class, one or `config.depth`, with the same parameters."""
        return [layer.module for layer in self._layers]

    def forward(self, tokens: torch.Tensor, grid: Sequence[int] | None = None) -> torch.Tensor:
        """(B, N, D) -> (B, N, D); `grid` is the arrangement of the tokens; without it, all N lie along one axis."""
        self.refuse_unloaded()
        if not tokens.shape[0]:
            return tokens  # `transformers` cannot reshape a batch of 0
        device = tokens.device
        with island(device.type, self.compute_dtype):
            given = self._inputs.of(tokens.shape[1:2] if grid is None else grid, tokens.dtype, device)
            for layer, (mask, tables) in zip(self._layers, given, strict=True):
                tokens = layer(tokens, mask, tables)
            return tokens

    def train(self, mode: bool = True) -> LLMLayer:
        """As nn.Module, but a frozen layer stays in eval mode."""
        super().train(mode and self.config.trainable)
        for block in self.blocks:
            block.training = self.training
        return self

    def _settle(self) -> None:
        super()._settle()
        self._inputs.settle(next(self.parameters()).device)
