"""What llama.cpp changes when it writes a model as GGUF, architecture by architecture, and how it is undone.

Names of keys: llama.cpp's; of fields: `transformers`' `config.json`. The rules are those of `transformers`' own GGUF
loader (`integrations/ggml.py`, `modeling_gguf_pytorch_utils.py`) and of llama.cpp where that loader keeps a default.
A key that no row names is refused: what it would change is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ModelFilesError, one_line

Values = Mapping[str, Any]
Fields = dict[str, Any]

_SHAPE = {
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "context_length": "max_position_embeddings",
    "vocab_size": "vocab_size",
}
_DECODER = {**_SHAPE, "attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta"}
_REQUIRED = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count")
_HEADS = {"attention.key_length": "head_dim"}
_WINDOW = {"attention.sliding_window": "sliding_window"}


@dataclass(frozen=True)
class Architecture:
    """One architecture of llama.cpp's.

    Attributes:
        model_type: `transformers`' name of the family.
        module: How a name begins in a model of the family, with `{}` for the layer, for `gguf`'s table of names.
        keys: Key in the file, without the architecture's name -> field.
        unused: Keys that change nothing in a layer.
        more: Computes the fields that need several values; gets the keys' values without the architecture's name.
        undo: Brings a tensor to `transformers`' order: (fields, name without prefix, values) -> values.
    """

    model_type: str
    module: str = "model.layers.{}."
    keys: Mapping[str, str] = field(default_factory=lambda: _DECODER)
    unused: frozenset[str] = frozenset({"rope.dimension_count", "attention.value_length"})
    more: Callable[[Values], Fields] = lambda values: {}
    undo: Callable[[Fields, str, np.ndarray], np.ndarray] = lambda fields, name, array: array


def _interleaved(fields: Fields, name: str, array: np.ndarray) -> np.ndarray:
    """llama.cpp turns neighbouring rows of each head as pairs, `transformers` rows that are half a head apart."""
    if not name.startswith(("self_attn.q_proj.", "self_attn.k_proj.")):
        return array
    heads = fields["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
    pairs = array.reshape(heads, array.shape[0] // heads // 2, 2, *array.shape[1:])
    return pairs.swapaxes(1, 2).reshape(array.shape)


def _gain_without_one(fields: Fields, name: str, array: np.ndarray) -> np.ndarray:
    """Gemma's norms multiply by (1 + gain), and llama.cpp stores the sum."""
    return array - 1 if name.endswith("norm.weight") else array


def _convolutions(fields: Fields, name: str, array: np.ndarray) -> np.ndarray:
    """GPT-2's linear maps are stored as (in, out) by `transformers`."""
    return array.T if array.ndim > 1 else array


def _llama_head(values: Values) -> Fields:
    head = values.get("attention.key_length") or values.get("rope.dimension_count")
    return {"head_dim": head} if head else {}


def _gemma(largest: int) -> Callable[[Values], Fields]:
    """llama.cpp scales by the head's size, but the 27B models, told by their number of layers, by hidden / heads."""

    def more(values: Values) -> Fields:
        hidden, heads = values["embedding_length"], values["attention.head_count"]
        head = values.get("attention.key_length", 256)
        return {"query_pre_attn_scalar": hidden // heads if values["block_count"] == largest else head}

    return more


def _gemma3(values: Values) -> Fields:
    fields = _gemma(62)(values)
    if values.get("rope.scaling.type", "none") == "linear":
        fields["rope_scaling"] = {"rope_type": "linear", "factor": values["rope.scaling.factor"]}
    return fields


def _phi3(values: Values) -> Fields:
    head = values["embedding_length"] // values["attention.head_count"]
    return {"partial_rotary_factor": values.get("rope.dimension_count", head) / head}


ARCHITECTURES: dict[str, Architecture] = {
    # llama.cpp writes Mistral's models under this name too; without a window their layers are the same
    "llama": Architecture(
        "llama",
        unused=frozenset({"rope.dimension_count", "attention.key_length", "attention.value_length"}),
        more=_llama_head,
        undo=_interleaved,
    ),
    "qwen2": Architecture("qwen2"),
    "qwen3": Architecture("qwen3", keys={**_DECODER, **_HEADS}),
    "gemma2": Architecture(
        "gemma2",
        keys={**_DECODER, **_HEADS, **_WINDOW, "attn_logit_softcapping": "attn_logit_softcapping"},
        unused=frozenset({"rope.dimension_count", "attention.value_length", "final_logit_softcapping"}),
        more=_gemma(46),
        undo=_gain_without_one,
    ),
    "gemma3": Architecture(
        "gemma3_text",
        keys={**_DECODER, **_HEADS, **_WINDOW, "rope.freq_base_swa": "rope_local_base_freq"},
        unused=frozenset(
            {"rope.dimension_count", "attention.value_length", "rope.scaling.type", "rope.scaling.factor"}
        ),
        more=_gemma3,
        undo=_gain_without_one,
    ),
    "phi3": Architecture(
        "phi3",
        keys={**_DECODER, **_WINDOW, "rope.scaling.original_context_length": "original_max_position_embeddings"},
        unused=frozenset({"rope.dimension_count", "rope.scaling.attn_factor"}),
        more=_phi3,
    ),
    "gpt2": Architecture(
        "gpt2",
        module="transformer.h.{}.",
        keys={
            "block_count": "n_layer",
            "embedding_length": "n_embd",
            "feed_forward_length": "n_inner",
            "attention.head_count": "n_head",
            "context_length": "n_positions",
            "attention.layer_norm_epsilon": "layer_norm_epsilon",
            "vocab_size": "vocab_size",
        },
        undo=_convolutions,
    ),
    "bert": Architecture(
        "bert",
        module="encoder.layer.{}.",
        keys={**_SHAPE, "attention.layer_norm_epsilon": "layer_norm_eps"},
        unused=frozenset({"pooling_type"}),
    ),
}


def fields_of(architecture: str, values: Values, path: object) -> Fields:
    """The fields of `config.json` that a layer depends on.

    Args:
        architecture: The file's `general.architecture`.
        values: The file's values by key.
        path: For messages.

    Raises:
        ModelFilesError: no such architecture is known, or a value is missing, or one that is not understood.
    """
    row = ARCHITECTURES.get(architecture)
    if row is None:
        raise ModelFilesError(
            f"model: the GGUF file {path} is of the architecture {architecture!r}; choose a model of "
            f"{', '.join(ARCHITECTURES)}."
        )
    own = {key.removeprefix(f"{architecture}."): v for key, v in values.items() if key.startswith(f"{architecture}.")}
    for key, value in own.items():
        if key == "attention.causal" and value is (architecture != "bert"):
            continue
        if (key not in row.keys and key not in row.unused and value not in (0, "none")) or isinstance(value, list):
            raise ModelFilesError(
                f"model: the GGUF file {path} sets {architecture}.{key} = {value!r}, which is not supported; choose "
                "another model, or its folder with safetensors."
            )
    for key in _REQUIRED:
        if key not in own:
            raise ModelFilesError(f"model: the GGUF file {path} lacks {architecture}.{key}; download it again.")
        if type(own[key]) is not int or own[key] < 1:
            raise ModelFilesError(
                f"model: the GGUF file {path} sets {architecture}.{key} = {own[key]!r}, which must be a positive "
                "whole number; download it again."
            )
    fields = {"model_type": row.model_type, **{name: own[key] for key, name in row.keys.items() if key in own}}
    try:
        fields |= row.more(own)
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ModelFilesError(
            f"model: the values of the GGUF file {path} do not fit each other ({type(error).__name__}: "
            f"{one_line(error)}); download it again."
        ) from error
    if "num_attention_heads" in fields:  # llama.cpp's default, which differs from transformers' for some families
        fields.setdefault("num_key_value_heads", fields["num_attention_heads"])
    return fields
