"""Shared by the two benchmark scripts: a model folder, networks, timing and tables."""

from __future__ import annotations

import json
import math
import platform
import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LLAMA_1B: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "num_hidden_layers": 16,
    "vocab_size": 128256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "initializer_range": 0.02,
}
LAYER = 14
SMALL_DATA = "llm4seg convert geometric larger-disc -d 301 --cases 10 --size 64 --splits 5fold"


def make_folder(folder: Path, layers: int = 16, vocabulary: int = 128256) -> int:
    """Write a folder of LLaMA-3.2-1B's shape with random bfloat16 weights; return the bytes of one layer."""
    import torch

    hidden, inner = LLAMA_1B["hidden_size"], LLAMA_1B["intermediate_size"]
    keys = LLAMA_1B["num_key_value_heads"] * LLAMA_1B["head_dim"]
    layer: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, hidden),
        "model.norm.weight": (hidden,),
    }
    shapes |= {f"model.layers.{i}.{name}.weight": shape for i in range(layers) for name, shape in layer.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = torch.Generator().manual_seed(0)
    noise = torch.empty(2**22, dtype=torch.bfloat16).normal_(0.0, 0.02, generator=generator)
    folder.mkdir(parents=True)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in shapes.values():
            values = noise if len(shape) > 1 else noise + 1
            left = 2 * math.prod(shape)
            while left:
                left -= file.write(values.view(torch.uint8).numpy()[:left].data)
    config = {**LLAMA_1B, "num_hidden_layers": layers, "vocab_size": vocabulary}
    (folder / "config.json").write_text(json.dumps(config))
    return 2 * sum(math.prod(shape) for shape in layer.values())


def alternate(ways: dict[str, Callable[[], None]], repeats: int, warm_up: int = 1) -> dict[str, float]:
    """Median seconds of each method, run alternately so that other load on the machine affects all alike.

    Every second round runs in reverse order, so that the state of the caches affects each method equally often.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(warm_up + repeats):
        for name, way in list(ways.items())[:: -1 if turn % 2 else 1]:
            start = time.perf_counter()
            way()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def versions() -> dict[str, str]:
    """The versions that the numbers depend on."""
    import torch
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "machine": platform.machine(),
    }


def report(title: str, rows: list[dict[str, object]]) -> None:
    """Print rows of equal keys as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_text(row[name]) for name in names] for row in rows)]
    print(f"\n### {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines))


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
