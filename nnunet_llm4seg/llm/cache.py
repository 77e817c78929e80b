"""Our cache of fetched layers, shared by all jobs: `$LLM4SEG_HOME/models--ORG--NAME/COMMIT/layer-I/`.

A layer's folder is an ordinary local model with one layer: `model.safetensors`, `config.json` and `provenance.json`.
Consecutive layers that were fetched together are in one folder, `layer-I-depth-N/`. A folder appears under its name
only when it is complete, so that readers need no lock.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from nnunet_llm4seg.config import layers_in_words
from nnunet_llm4seg.errors import CacheError, LLM4SegError
from nnunet_llm4seg.llm.families import family_of
from nnunet_llm4seg.llm.hashing import file_sha256, stored_layer_sha256
from nnunet_llm4seg.llm.model_config import read_model_config
from nnunet_llm4seg.llm.safetensors_files import Entry, layer_prefix, local_entries, todays_name

PROVENANCE = "provenance.json"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class CachedLayer:
    """A complete folder and what its `provenance.json` says."""

    folder: Path
    provenance: dict[str, Any]

    @property
    def model(self) -> str:
        return self.provenance["repository"]

    @property
    def layer(self) -> int:
        """The first of its layers."""
        return self.provenance["layer"]

    @property
    def depth(self) -> int:
        """The number of its layers."""
        return self.provenance.get("depth", 1)

    @property
    def layers(self) -> str:
        """Which layers, in words."""
        return layers_in_words(self.layer, self.depth)

    def holds(self, layer: int, depth: int) -> bool:
        """Whether it contains `depth` layers from number `layer` on."""
        return self.layer <= layer and layer + depth <= self.layer + self.depth

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return (self.folder / WEIGHTS_FILE).stat().st_size


def home() -> Path:
    """`$LLM4SEG_HOME`, or `llm4seg` in the user's cache directory."""
    if given := os.environ.get("LLM4SEG_HOME"):
        return Path(given).expanduser()
    return user_cache_path("llm4seg", appauthor=False)


def folder_for(model: str, commit: str, layer: int, depth: int = 1) -> Path:
    """Where a layer, or `depth` layers from it on, belong."""
    name = f"layer-{layer}" if depth == 1 else f"layer-{layer}-depth-{depth}"
    return home() / f"models--{model.replace('/', '--')}" / commit / name


def read(folder: Path) -> CachedLayer | None:
    """A fetched layer's folder, or None if it is not one."""
    try:
        provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    needed = {"repository", "commit", "revisions", "layer", "layer_sha256", "file_sha256", "config_sha256"}
    whole = isinstance(provenance, dict) and needed <= provenance.keys() and (folder / WEIGHTS_FILE).is_file()
    whole = whole and all(isinstance(provenance[name], str) for name in ("repository", "commit"))
    whole = whole and all(type(provenance.get(name, 1)) is int for name in ("layer", "depth"))
    whole = whole and isinstance(provenance["revisions"], list) and isinstance(provenance.get("fetched", ""), str)
    return CachedLayer(folder, provenance) if whole else None


def entries() -> list[CachedLayer]:
    """All layers in the cache, by model and layer, the latest first.

    The path says what a folder holds: one that claims to hold another model, commit or layer is none of ours.
    """
    every = [cached for path in home().glob(f"models--*/*/layer-*/{PROVENANCE}") if (cached := read(path.parent))]
    found = [c for c in every if c.folder == _place_of(c) and not _linked(c)]
    newest_first = sorted(found, key=lambda c: c.provenance.get("fetched", ""), reverse=True)
    return sorted(newest_first, key=lambda c: (c.model, c.layer, c.depth))


def _place_of(cached: CachedLayer) -> Path:
    return folder_for(cached.model, cached.provenance["commit"], cached.layer, cached.depth)


def _linked(cached: CachedLayer) -> bool:
    """Whether a link leads to a layer's folder or to a file in it."""
    ours = [cached.folder.parent.parent, cached.folder.parent, cached.folder, *cached.folder.iterdir()]
    return any(path.is_symlink() for path in ours)


def find(model: str, revision: str | None, layer: int | None, depth: int = 1) -> CachedLayer | None:
    """A folder with `depth` layers from number `layer` on (`None`: with any) of a hub id at a commit, branch or tag.

    The revision `None` is `main` as of the latest fetch.
    """
    asked = revision or "main"
    for cached in entries():
        right = cached.model == model and (layer is None or cached.holds(layer, depth))
        if right and (asked == cached.provenance["commit"] or asked in cached.provenance["revisions"]):
            return cached
    return None


def problems(cached: CachedLayer) -> list[str]:
    """What is wrong with a layer's files, which are read and hashed again."""
    weights, config = cached.folder / WEIGHTS_FILE, cached.folder / "config.json"
    try:
        found = [wrong for file in ("config.json", WEIGHTS_FILE) if (wrong := change(cached, file))]
        if not found and hash_layer(weights, config, cached.layer, cached.depth) != cached.provenance["layer_sha256"]:
            found.append("its tensors differ from those that the provenance names")
    except (OSError, ValueError, LLM4SegError) as error:
        found = [str(error)]
    return found


def change(cached: CachedLayer, file: str) -> str | None:
    """What is wrong with `config.json` or `WEIGHTS_FILE`, if it differs from what was fetched."""
    fetched = cached.provenance["config_sha256" if file == "config.json" else "file_sha256"]
    changed = file_sha256(cached.folder / file) != fetched
    return f"{file} has a different sha256 than when it was fetched" if changed else None


def hash_layer(weights: Path, config: Path, layer: int, depth: int = 1) -> str:
    """`llm.hashing.layer_sha256` of the layer, or of `depth` layers from it on, in a fetched file."""
    family = family_of(read_model_config(config.parent))
    entries = local_entries(weights)
    held: dict[str, Entry] = {}
    for i in range(depth):
        prefix = layer_prefix([entry.name for entry in entries], family.prefixes, layer + i, str(weights))
        own = {e.name[len(prefix) :]: e for e in entries if e.name.startswith(prefix)}
        unit = f"{i}." if depth > 1 else ""  # as `llm.stack.joined` names the tensors of several layers
        held.update({unit + todays_name(name, family.renamed): entry for name, entry in own.items()})
    return stored_layer_sha256(weights, held)


def remove(model: str, layer: int | None) -> list[CachedLayer]:
    """Remove a model's folders, or those that begin with a layer, and partial files of interrupted downloads.

    Raises:
        CacheError: there is none, or it cannot be removed.
    """
    chosen = [cached for cached in entries() if cached.model == model and layer in (None, cached.layer)]
    parent = home() / f"models--{model.replace('/', '--')}"
    left_over = sorted(parent.glob("*/.layer-*" if layer is None else f"*/.layer-{layer}[.-]*"))
    if not chosen and not left_over:
        held = ", ".join(f"{c.model} {c.layers}" for c in entries()) or "nothing"
        wanted = model if layer is None else f"layer {layer} of {model}"
        raise CacheError(f"cache: {home()} does not contain {wanted}; it contains {held}.")
    try:
        for path in [*(cached.folder for cached in chosen), *left_over]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in [*parent.glob("*"), parent]:
            if not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise CacheError(f"cache: {home()} cannot be changed ({error.strerror}); ask its owner.") from error
    return chosen
