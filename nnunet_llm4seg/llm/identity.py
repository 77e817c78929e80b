"""The control without a language model: tokens leave as they came, and everything around them stays the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.layer_reader import Tensors
from nnunet_llm4seg.llm.precision import compute_dtype
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer, prepare_layer


class NoLayer(nn.Module):
    """Takes the place of `llm.layer.LLMLayer` where `weights` is `identity`; it has no parameters.

    Shapes: (B, N, D) in and out.

    Args:
        config: Names the model whose hidden size D is used.
        spec, prepared: As for `LLMLayer`.

    Raises:
        LLM4SegError: see `llm.source.prepare_layer`.
    """

    loaded = True

    def __init__(
        self, config: LLM4SegConfig, *, spec: LayerSpec | None = None, prepared: PreparedLayer | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.spec = spec or (prepared or prepare_layer(config)).spec
        self.hidden_size = describe_layer(self.spec.model_config, 0).hidden_size
        self.register_buffer("_place", torch.zeros(1), persistent=False)  # goes where the network goes

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype in which a layer would compute on the present device, and in which the adapters do."""
        return compute_dtype(self.config.dtype, self._place.device)  # type: ignore[arg-type]

    def forward(self, tokens: torch.Tensor, grid: Sequence[int] | None = None) -> torch.Tensor:
        """(B, N, D) -> the same."""
        return tokens

    def refuse_unloaded(self) -> None:
        """Nothing can be missing."""

    def fill(self, tensors: Tensors, sha256: str) -> None:
        """There is nothing to fill."""

    def refer(self, state: dict[str, Any], prefix: str) -> None:
        """A state dict contains nothing of it."""

    def check(self, state: Mapping[str, Any], prefix: str) -> None:
        """A state dict contains nothing of it."""
