"""Models whose `config.json` says that their weights are quantised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError

# quant_method -> what a user can do about it
_UNQUANTISED = {
    "bitsandbytes": "the model from which it was made, or save it again after transformers' `model.dequantize()`",
    "fp8": "the model's bfloat16 version",
}


def refuse_quantised(model_config: Mapping[str, Any]) -> None:
    """Stop at a model whose weights are not plain numbers, before anything of it is looked for.

    Raises:
        ModelFilesError: its `config.json` says that it is quantised.
    """
    inner = model_config.get("text_config")
    for values in (model_config, inner if isinstance(inner, Mapping) else {}):
        found = values.get("quantization_config") or values.get("compression_config")
        if not found:
            continue
        method = "unknown"
        if isinstance(found, Mapping):
            older = found.get("load_in_4bit") or found.get("load_in_8bit")
            method = found.get("quant_method") or ("bitsandbytes" if older else "unknown")
        advice = _UNQUANTISED.get(str(method), "the unquantised model from which it was made")
        raise ModelFilesError(
            f"model: its config.json says that the weights are quantised (quant_method {method!r}), but only float32, "
            f"float16 and bfloat16 can be used; choose {advice}."
        )
