"""Models that we know by name: their published configuration, licence, and the layer that the paper found best.

The configurations hold the fields of the published `config.json` files that a layer depends on, so that a layer can
be built, with random weights, without the model's files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.llm.dtypes import BYTES


@dataclass(frozen=True)
class KnownModel:
    """One model of the hub.

    Attributes:
        config: Fields of its published `config.json`.
        licence: As its model card names it.
        gated: Whether the licence must be accepted, with an account, before files can be downloaded.
        paper_layer: The layer that the LLM4Seg paper found best, if it tried this model.
    """

    config: Mapping[str, Any]
    licence: str
    gated: bool = False
    paper_layer: int | None = None

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer."""
        return layer_parameters(self.config)

    @property
    def layer_bytes(self) -> int:
        """Bytes of one layer in the dtype in which the model is published."""
        return self.layer_parameters * BYTES[self.config["torch_dtype"]]


def layer_parameters(config: Mapping[str, Any]) -> int:
    """Parameters of one layer of a model like LLaMA, BERT or ViT, from its configuration."""
    hidden = config["hidden_size"]
    inner = config.get("intermediate_size") or config["mlp_ratio"] * hidden
    if config["model_type"] in ("bert", "vit", "dinov2"):
        attention = 4 * (hidden * hidden + hidden)
        feed_forward = hidden * inner + inner + inner * hidden + hidden
        scales = 2 * hidden if config["model_type"] == "dinov2" else 0
        return int(attention + feed_forward + 4 * hidden + scales)  # two norms with gain and bias
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim") or hidden // heads
    total = 2 * hidden * heads * head + 2 * hidden * groups * head + 3 * hidden * inner + 2 * hidden
    if config["model_type"] == "qwen2":
        total += (heads + 2 * groups) * head  # biases of queries, keys and values
    if config["model_type"] == "qwen3":
        total += 2 * head  # norms of queries and keys
    return total


def paper_layer(model: str) -> int:
    """The layer of `model` that is fetched if none is named.

    Raises:
        ConfigError: the paper did not try this model.
    """
    known = KNOWN.get(model)
    if known is not None and known.paper_layer is not None:
        return known.paper_layer
    tried = ", ".join(name for name, row in KNOWN.items() if row.paper_layer is not None)
    end = f" of 0 to {known.config['num_hidden_layers'] - 1}" if known else ", counted from 0"
    raise ConfigError(
        f"layer: the paper found no best layer for {model!r} (it did for {tried}); choose one{end} with --layer."
    )


def _llama(**fields: Any) -> dict[str, Any]:
    common = {
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "rms_norm_eps": 1e-05,
        "initializer_range": 0.02,
        "torch_dtype": "bfloat16",
    }
    return {**common, **fields}


def _llama_3_2(**fields: Any) -> dict[str, Any]:
    scaling = {
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    }
    common = {"rope_theta": 500000.0, "rope_scaling": scaling, "max_position_embeddings": 131072}
    return _llama(vocab_size=128256, num_key_value_heads=8, intermediate_size=8192, **common, **fields)


def _qwen(model_type: str, **fields: Any) -> dict[str, Any]:
    common = {
        "model_type": model_type,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-06,
        "initializer_range": 0.02,
        "use_sliding_window": False,
        "vocab_size": 151936,
        "torch_dtype": "bfloat16",
    }
    return {**common, **fields}


def _qwen2_1_5b(**fields: Any) -> dict[str, Any]:
    shape = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28}
    return _qwen("qwen2", **shape, num_attention_heads=12, num_key_value_heads=2, **fields)


def _qwen3(**fields: Any) -> dict[str, Any]:
    heads = {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "attention_bias": False}
    common = {"num_hidden_layers": 28, "rope_theta": 1000000, "max_position_embeddings": 40960}
    return _qwen("qwen3", **heads, **common, **fields)


def _bert(**fields: Any) -> dict[str, Any]:
    common = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
        "num_attention_heads": 12,
        "max_position_embeddings": 512,
        "vocab_size": 30522,
        "torch_dtype": "float32",
    }
    return {**common, **fields}


def _vision(model_type: str, **fields: Any) -> dict[str, Any]:
    common = {
        "model_type": model_type,
        "hidden_act": "gelu",
        "initializer_range": 0.02,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "qkv_bias": True,
        "torch_dtype": "float32",
    }
    return {**common, **fields}


KNOWN: dict[str, KnownModel] = {
    "meta-llama/Llama-3.2-1B": KnownModel(
        _llama_3_2(hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, head_dim=64),
        "llama3.2",
        gated=True,
        paper_layer=14,
    ),
    "meta-llama/Llama-3.2-3B": KnownModel(
        _llama_3_2(hidden_size=3072, num_hidden_layers=28, num_attention_heads=24, head_dim=128),
        "llama3.2",
        gated=True,
    ),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": KnownModel(
        _qwen2_1_5b(rope_theta=10000, max_position_embeddings=131072), "mit", paper_layer=27
    ),
    "Qwen/Qwen2.5-0.5B": KnownModel(
        _qwen(
            "qwen2",
            hidden_size=896,
            intermediate_size=4864,
            num_hidden_layers=24,
            num_attention_heads=14,
            num_key_value_heads=2,
            rope_theta=1000000.0,
            max_position_embeddings=32768,
        ),
        "apache-2.0",
    ),
    "Qwen/Qwen2.5-1.5B": KnownModel(_qwen2_1_5b(rope_theta=1000000.0, max_position_embeddings=131072), "apache-2.0"),
    "Qwen/Qwen3-0.6B": KnownModel(_qwen3(hidden_size=1024, intermediate_size=3072), "apache-2.0"),
    "Qwen/Qwen3-1.7B": KnownModel(_qwen3(hidden_size=2048, intermediate_size=6144), "apache-2.0"),
    "HuggingFaceTB/SmolLM2-135M": KnownModel(
        _llama(
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            initializer_range=0.041666666666666664,
            rope_theta=100000,
            vocab_size=49152,
            max_position_embeddings=8192,
        ),
        "apache-2.0",
    ),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": KnownModel(
        _llama(
            hidden_size=2048,
            intermediate_size=5632,
            num_hidden_layers=22,
            num_attention_heads=32,
            num_key_value_heads=4,
            rope_theta=10000.0,
            vocab_size=32000,
            max_position_embeddings=2048,
        ),
        "apache-2.0",
    ),
    "NeuML/pubmedbert-base-embeddings": KnownModel(
        _bert(hidden_size=768, intermediate_size=3072, num_hidden_layers=12), "apache-2.0"
    ),
    "sentence-transformers/all-MiniLM-L6-v2": KnownModel(
        _bert(hidden_size=384, intermediate_size=1536, num_hidden_layers=6), "apache-2.0"
    ),
    "google/vit-base-patch16-224": KnownModel(
        _vision("vit", intermediate_size=3072, layer_norm_eps=1e-12, image_size=224, patch_size=16), "apache-2.0"
    ),
    "facebook/dinov2-base": KnownModel(
        _vision(
            "dinov2",
            mlp_ratio=4,
            layer_norm_eps=1e-06,
            layerscale_value=1.0,
            use_swiglu_ffn=False,
            image_size=518,
            patch_size=14,
        ),
        "apache-2.0",
    ),
}
