"""Find the folder that holds a language model's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError


def locate(model: str, revision: str | None, layer: int) -> Path:
    """Return the folder of `model`: a local Hugging Face folder, or its snapshot in the Hugging Face cache.

    Args:
        model: A folder (absolute, or relative to the current one), or a hub id such as `org/name`.
        revision: Commit or branch of a hub id; `None` is the branch `main`. Folders have no revision.
        layer: 0-based index of the layer that is wanted; the error names it.

    Raises:
        ModelNotFoundError: there is no such folder, and the cache holds no such model.
        ModelFilesError: there is a folder, but it has no `config.json`.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelFilesError(
                f"model: the folder {model!r} has no config.json; give a folder in Hugging Face's layout "
                "(config.json beside model.safetensors)."
            )
        return folder
    cached = _cached_config(model, revision)
    if cached is not None:
        return cached.parent
    at = f" at revision {revision!r}" if revision else ""
    raise ModelNotFoundError(
        f"model: layer {layer} of {model!r}{at} is needed, but that is neither a folder (seen from {Path.cwd()}) "
        "nor a model in the Hugging Face cache; give an existing folder, or run "
        f"`hf download {model}` on a machine with internet and copy its cache."
    )


def _cached_config(model: str, revision: str | None) -> Path | None:
    """The cached `config.json` of a hub id, or None; never asks the hub."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def read_model_config(folder: Path) -> dict[str, Any]:
    """Read `config.json` of a model folder as it stands there.

    Raises:
        ModelFilesError: it is not JSON or names no `model_type`.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFilesError(f"model: {folder / 'config.json'} cannot be read ({error}); fetch it again.") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelFilesError(f"model: {folder / 'config.json'} names no model_type; it is no language model's.")
    config.pop("_name_or_path", None)  # the path of whoever saved it; plans are shared
    return config
