"""Find a language model's files, in a folder or in one GGUF file: on this machine first, then on the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm import cache
from nnunet_llm4seg.llm.gguf_header import is_gguf
from nnunet_llm4seg.llm.known import KNOWN
from nnunet_llm4seg.llm.model_config import read_model_config
from nnunet_llm4seg.llm.ollama import find_in_ollama


def find_gguf(model: str) -> Path | None:
    """The GGUF file that `model` names, as a path or as a model that Ollama has pulled, or None.

    Raises:
        ModelFilesError: it names another kind of file, or both a folder and an Ollama model, or what Ollama stores is
            damaged.
    """
    path = Path(model).expanduser()
    if path.is_file():
        if is_gguf(path):
            return path
        raise ModelFilesError(
            f"model: the file {model!r} is no GGUF file; give one, or a folder with config.json beside "
            "model.safetensors."
        )
    pulled = find_in_ollama(model)
    if pulled is not None and path.is_dir():
        raise ModelFilesError(
            f"model: {model!r} is a folder here and a model of Ollama; give './{model}' or '{model}:latest'."
        )
    return pulled


def locate(model: str, revision: str | None, layer: int, depth: int = 1) -> Path:
    """Return a folder with layer number `layer` of `model`, or with `depth` layers from it on.

    Looked up in this order: a local folder in Hugging Face's layout, our cache (`llm.cache`), the Hugging Face cache
    if the whole model is there, and finally the hub, from which only these layers are fetched (`llm.fetch`).

    Args:
        model: A folder (absolute, or relative to the current one), or a hub id such as `org/name`.
        revision: Commit, branch or tag of a hub id; `None` is the branch `main`. Folders have no revision.
        layer: 0-based index.
        depth: How many consecutive layers.

    Raises:
        ModelNotFoundError: there is no such folder, it is not in the caches, and the hub must not be asked or has
            no such model.
        ModelFilesError: there is a folder, but it has no `config.json`.
        LLM4SegError: it cannot be fetched, see `llm.fetch.fetch_layer`.

    Example:
        >>> locate("path/to/model", None, 14).name
        'model'
    """
    if (folder := _folder(model)) is not None:
        return folder
    if (cached := cache.find(model, revision, layer, depth)) is not None:
        return cached.folder
    if (snapshot := _snapshot(model, revision)) is not None and _has_weights(snapshot):
        return snapshot
    from nnunet_llm4seg.llm.fetch import fetch_layer

    return fetch_layer(model, layer, depth=depth, revision=revision)


def locate_config(model: str, revision: str | None, layer: int) -> dict[str, Any]:
    """The raw `config.json` of `model`, the only file that random weights need.

    Looked up as in `locate`. If no revision is given, the list of known models is tried before the hub.

    Raises:
        LLM4SegError: see `locate`.
    """
    found = config_at_hand(model, revision)
    return read_model_config(locate(model, revision, layer)) if found is None else found


def config_at_hand(model: str, revision: str | None) -> dict[str, Any] | None:
    """The raw `config.json` of `model` as `locate_config` finds it without asking the hub, or None."""
    if (file := find_gguf(model)) is not None:
        from nnunet_llm4seg.llm.gguf_files import GGUFModel

        return GGUFModel(file).config
    folder = _folder(model)
    if folder is None and (cached := cache.find(model, revision, None)):
        folder = cached.folder
    folder = folder or _snapshot(model, revision)
    if folder is not None:
        return read_model_config(folder)
    return dict(KNOWN[model].config) if revision is None and model in KNOWN else None


def quantisation_at_hand(config: LLM4SegConfig) -> str | None:
    """How a GGUF file stores the layers of `config`, as the spec of a training records it; only its header is read.

    None if it does not quantise them, or if the model is no GGUF file.

    Raises:
        ModelFilesError: see `find_gguf` and `GGUFModel`.
    """
    if (file := find_gguf(config.model)) is None:
        return None
    from nnunet_llm4seg.llm.gguf_files import GGUFModel

    return GGUFModel(file).quantisation(config.layer, config.depth)


def _folder(model: str) -> Path | None:
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return None
    if not (folder / "config.json").is_file():
        if held := sorted(folder.glob("*.gguf")):
            raise ModelFilesError(
                f"model: the folder {model!r} holds GGUF files; name one of them, such as {held[0]}."
            )
        raise ModelFilesError(
            f"model: the folder {model!r} has no config.json; give a folder in Hugging Face's layout "
            "(config.json beside model.safetensors)."
        )
    return folder


def _snapshot(model: str, revision: str | None) -> Path | None:
    """The folder of a hub id in the Hugging Face cache, or None; never asks the hub."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.utils import HFValidationError

    try:
        found = try_to_load_from_cache(model, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _has_weights(folder: Path) -> bool:
    """Whether all safetensors files of a model are there."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        names = set(index["weight_map"].values())
    except FileNotFoundError:
        names = {cache.WEIGHTS_FILE}
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        return False
    return all((folder / name).is_file() for name in names)
