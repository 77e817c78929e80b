"""Read a model's raw `config.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError


def read_model_config(folder: Path) -> dict[str, Any]:
    """Read `config.json` of a model folder as it is there.

    Raises:
        ModelFilesError: it is not JSON or names no `model_type`.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFilesError(f"model: {folder / 'config.json'} cannot be read ({error}); fetch it again.") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelFilesError(
            f"model: {folder / 'config.json'} names no model_type, so it does not belong to a language model."
        )
    config.pop("_name_or_path", None)  # a path on the machine that saved it; plans are shared
    return config


def refuse_beyond_the_last(layer: int, depth: int, layers: int) -> None:
    """Refuse to go beyond the last of a model's layers.

    Raises:
        ModelFilesError: `depth` layers from number `layer` on would end beyond it.
    """
    if layer + depth > layers:
        raise ModelFilesError(
            f"depth: {depth} layers from layer {layer} on would end at layer {layer + depth - 1}, but this model has "
            f"layers 0 to {layers - 1}; choose a depth of at most {layers - layer}, or an earlier layer."
        )
