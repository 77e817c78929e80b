"""Models that Ollama has pulled on this machine: a name such as `llama3.2:1b` -> the GGUF file in its store.

Nothing is downloaded and no server is asked. The store is `$OLLAMA_MODELS`, or the folder of the user's or of the
system's Ollama. Source: the layout of Ollama's store (manifests and blobs).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from nnunet_llm4seg.errors import ModelFilesError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MODEL = "application/vnd.ollama.image.model"


def find_in_ollama(name: str) -> Path | None:
    """The GGUF file of an Ollama model, or None if the store has no model of that name.

    Args:
        name: `MODEL`, `MODEL:TAG`, `NAMESPACE/MODEL:TAG` or with a registry in front; the tag is `latest` by default.

    Raises:
        ModelFilesError: the store knows the model, but its manifest or its file is damaged or missing.
    """
    path, _, tag = name.partition(":")
    parts = [*path.split("/"), tag or "latest"]
    if not 2 <= len(parts) <= 4 or not all(_PART.fullmatch(part) for part in parts):
        return None
    parts = ["registry.ollama.ai", "library", "", ""][: 4 - len(parts)] + parts
    for store in _stores():
        manifest = store.joinpath("manifests", *parts)
        if manifest.is_file():
            return _blob(store, manifest, name)
    return None


def _stores() -> list[Path]:
    if chosen := os.environ.get("OLLAMA_MODELS"):
        return [Path(chosen)]
    return [Path.home() / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]


def _blob(store: Path, manifest: Path, name: str) -> Path:
    advice = f"run `ollama pull {name}` again."
    try:
        layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
        digests = [layer["digest"] for layer in layers if layer["mediaType"] == _MODEL]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFilesError(f"model: Ollama's manifest {manifest} of {name} cannot be read; {advice}") from error
    match = _DIGEST.fullmatch(digests[0]) if len(digests) == 1 and isinstance(digests[0], str) else None
    if match is None:
        raise ModelFilesError(f"model: Ollama's manifest {manifest} of {name} names no single model file; {advice}")
    blob = store / "blobs" / f"sha256-{match[1]}"
    if not blob.is_file():
        raise ModelFilesError(f"model: Ollama's file {blob} of {name} is missing; {advice}")
    return blob
