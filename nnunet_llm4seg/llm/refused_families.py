"""Families of models whose layers cannot be used, and why: what a user reads who tries one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from nnunet_llm4seg.errors import ModelFilesError

_RECURRENT = (
    "some or all of its layers mix tokens by a recurrence or by linear attention, which has no mask and one direction "
    "only"
)
_PER_LAYER = (
    "each of its layers gets an embedding of the input words besides the hidden states, and images have no words"
)
_LATENT = "its attention compresses keys and values into latent vectors (MLA), of which only a part is rotated"
_SINKS = "its attention has sinks, learned logits beside the tokens, which the fused attention cannot compute"
_EXPERTS = (
    "its layers are mixtures of experts: all experts of one layer are many times a dense layer, and which of them "
    "a token uses is decided at run time, so that the network could not be compiled"
)

_REASONS = {
    _RECURRENT: (
        "qwen3_next qwen3_5 qwen3_5_text qwen3_5_moe falcon_h1 falcon_mamba granitemoehybrid jamba mamba mamba2 bamba "
        "zamba zamba2 nemotron_h recurrent_gemma rwkv xlstm lfm2 lfm2_moe minimax olmo_hybrid kimi_linear"
    ),
    _PER_LAYER: "gemma3n gemma3n_text gemma4 gemma4_text",
    _LATENT: "deepseek_v2 deepseek_v3 deepseek_v32 kimi_k2 minicpm3 longcat_flash glm4_moe_lite",
    _SINKS: "gpt_oss",
    _EXPERTS: (
        "qwen2_moe qwen3_moe mixtral olmoe phimoe granitemoe granitemoeshared dbrx jetmoe ernie4_5_moe glm4_moe dots1 "
        "hunyuan_v1_moe qwen3_vl_moe llama4 llama4_text"
    ),
}
REFUSED = {name: reason for reason, names in _REASONS.items() for name in names.split()}


def refuse_family(model_type: str, supported: Iterable[str]) -> NoReturn:
    """Say why a family is not supported, and which families are.

    Raises:
        ModelFilesError: always.
    """
    why = f": {REFUSED[model_type]}" if model_type in REFUSED else ""
    raise ModelFilesError(
        f"model: the family {model_type!r} is not supported{why}; choose a model of {', '.join(sorted(supported))}."
    )
