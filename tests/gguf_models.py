"""Tiny GGUF models, written with the `gguf` library under llama.cpp's names."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np

SIZE = {"block_count": 2, "embedding_length": 64, "feed_forward_length": 96, "context_length": 128}
HEADS = {"attention.head_count": 4, "attention.head_count_kv": 2}
RMS = {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0}
DECODER = {**SIZE, **HEADS, **RMS}
GATED = {"ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96)}
NORMS = {"attn_norm": (64,), "ffn_norm": (64,)}


def _attention(head: int = 16) -> dict[str, tuple[int, ...]]:
    return {
        "attn_q": (4 * head, 64),
        "attn_k": (2 * head, 64),
        "attn_v": (2 * head, 64),
        "attn_output": (64, 4 * head),
    }


_WIDE = {"attention.key_length": 32, "attention.value_length": 32}
_GEMMA_NORMS = {**NORMS, "post_attention_norm": (64,), "post_ffw_norm": (64,)}

# architecture -> values, and the shapes of a layer's tensors (biases are named)
MODELS: dict[str, tuple[dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "llama": ({**DECODER, "rope.dimension_count": 16}, {**_attention(), **GATED, **NORMS}),
    "qwen2": (
        DECODER,
        {**_attention(), **GATED, **NORMS, "attn_q.bias": (64,), "attn_k.bias": (32,), "attn_v.bias": (32,)},
    ),
    # of a size that transformers' own loader can read: it assumes heads of 128
    "qwen3": (
        {**DECODER, "attention.key_length": 128, "attention.value_length": 128},
        {**_attention(128), **GATED, **NORMS, "attn_q_norm": (128,), "attn_k_norm": (128,)},
    ),
    "gemma2": ({**DECODER, **_WIDE, "attention.sliding_window": 16}, {**_attention(32), **GATED, **_GEMMA_NORMS}),
    "gemma3": (
        {**DECODER, **_WIDE, "attention.sliding_window": 16},
        {**_attention(32), **GATED, **_GEMMA_NORMS, "attn_q_norm": (32,), "attn_k_norm": (32,)},
    ),
    "phi3": (
        {**DECODER, "rope.dimension_count": 16},
        {"attn_qkv": (128, 64), "attn_output": (64, 64), "ffn_up": (192, 64), "ffn_down": (64, 96), **NORMS},
    ),
    "gpt2": (
        {**SIZE, "feed_forward_length": 256, "attention.head_count": 4, "attention.layer_norm_epsilon": 1e-5},
        {
            **{name: shape for n in NORMS for name, shape in ((n, (64,)), (f"{n}.bias", (64,)))},
            **{"attn_qkv": (192, 64), "attn_qkv.bias": (192,), "attn_output": (64, 64), "attn_output.bias": (64,)},
            **{"ffn_up": (256, 64), "ffn_up.bias": (256,), "ffn_down": (64, 256), "ffn_down.bias": (64,)},
        },
    ),
    "bert": (
        {**SIZE, "attention.head_count": 4, "attention.layer_norm_epsilon": 1e-12, "attention.causal": False},
        {
            **{f"attn_{n}{end}": shape for n in "qkv" for end, shape in (("", (64, 64)), (".bias", (64,)))},
            **{"attn_output": (64, 64), "attn_output.bias": (64,), "ffn_up": (96, 64), "ffn_up.bias": (96,)},
            **{"ffn_down": (64, 96), "ffn_down.bias": (64,)},
            **{f"{n}_output_norm{end}": (64,) for n in ("attn", "layer") for end in ("", ".bias")},
        },
    ),
}


def save_gguf(
    path: Path,
    architecture: str = "llama",
    *,
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    values: dict[str, Any] | None = None,
    tensors: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write a whole model of two layers and a vocabulary of 8 tokens; matrices of layers are stored as `kind`.

    `values` (without the architecture's name, `None` removes one) and `tensors` come in addition.
    """
    random = np.random.default_rng(0)
    own, shapes = MODELS[architecture]
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in {**own, **(values or {})}.items():
        name = key if "." in key and key.startswith("general") else f"{architecture}.{key}"
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        if value is not None:
            add[type(value)](name, value)
    writer.add_array("tokenizer.ggml.tokens", [str(i) for i in range(8)])
    writer.add_uint32("tokenizer.ggml.padding_token_id", 0)
    everything = {"token_embd.weight": (8, 64), "output_norm.weight": (64,)}
    if architecture in ("gpt2", "bert"):
        everything["position_embd.weight"] = (1024, 64)
    for layer in range(2):
        for name, shape in shapes.items():
            everything[f"blk.{layer}.{name}{'' if name.endswith('.bias') else '.weight'}"] = shape
    for name, shape in everything.items():
        array = random.normal(0, 0.1, shape).astype(np.float32)
        if len(shape) > 1 and name.startswith("blk."):
            stored = gguf.quantize(array, kind)
            writer.add_tensor(name, stored, raw_dtype=kind)
        else:
            writer.add_tensor(name, array)
    for name, array in (tensors or {}).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
