"""The lines in the log at the start of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.llm.dtypes import dtype_name
from nnunet_llm4seg.llm.quantised import in_words
from nnunet_llm4seg.tokens import strides_of, token_grid
from nnunet_llm4seg.trainer.settings import Settings


def describe_settings(settings: Settings) -> str:
    """One line: which layer, and how it is used."""
    config = settings.config
    revision = f" at {config.revision}" if config.revision else ""
    stored = f", {in_words(settings.spec.quantisation)}" if settings.spec.quantisation else ""
    adapted = f", LoRA of rank {config.lora_rank}" if config.lora_rank else ""
    if config.weights == "identity":
        layer = [f"no language model, adapters of the width of {config.model} || weights identity"]
    else:
        layer = [
            f"model {config.model}{revision} || {config.layers} || weights {config.weights} "
            f"({'trained' if config.trainable else 'frozen'}{adapted}{stored})",
            f"attention {config.attention} || positions {config.positions}",
        ]
    norm = f" || norm {config.norm}" if config.norm != "none" else ""
    way = [f"residual {config.residual}{norm} || stage {config.stage}"]
    return f"LLM4Seg: {' || '.join([*layer, *way])} || sha256 {settings.spec.sha256[:12]}"


def describe_network(network: nn.Module, bottleneck: LLMBottleneck, patch_size: Sequence[int]) -> str:
    """One line: tokens at the patch size, compute dtype, trainable and all parameters."""
    grid = token_grid(strides_of(network), patch_size, bottleneck.config.stage)
    every = sum(p.numel() for p in network.parameters())
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return (
        f"LLM4Seg: grid {'x'.join(map(str, grid))} = {math.prod(grid)} tokens at patch "
        f"{'x'.join(map(str, patch_size))} || dtype {dtype_name(bottleneck.layer.compute_dtype)} || "
        f"trainable params {trainable:,} || all params {every:,} || trainable {100 * trainable / every:.2f} %"
    )
