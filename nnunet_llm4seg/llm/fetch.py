"""Fetch a layer of a model, or consecutive ones, from the hub: only their bytes, checked, resumable, never twice."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from nnunet_llm4seg.config import layers_in_words
from nnunet_llm4seg.errors import CacheError, HubError, ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.llm import cache, safetensors_files
from nnunet_llm4seg.llm.dtypes import FILE_DTYPES, STORED_DTYPES
from nnunet_llm4seg.llm.families import family_of
from nnunet_llm4seg.llm.hashing import file_sha256
from nnunet_llm4seg.llm.hub import Repository, check_id, offline, open_repository
from nnunet_llm4seg.llm.model_config import read_model_config, refuse_beyond_the_last
from nnunet_llm4seg.llm.quantised import fp8_of
from nnunet_llm4seg.llm.refusals import NoSuchFile
from nnunet_llm4seg.llm.remote_source import RemoteSource
from nnunet_llm4seg.llm.staging import alone, disk_errors, private_folder, publish, refuse_links, refuse_occupied

Progress = Callable[[int, int], None]

_log = logging.getLogger(__name__)
_INDEX = "model.safetensors.index.json"


def fetch_layer(
    model: str,
    layer: int,
    *,
    depth: int = 1,
    revision: str | None = None,
    to: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch layer number `layer` of a hub id, or `depth` layers from it on, into our cache or into the folder `to`.

    Processes that ask for the same layer at the same time wait for the first of them. An existing layer is not
    downloaded again. The next call continues an interrupted download.

    Args:
        progress: Called with (bytes so far, bytes in total) of the layer.

    Returns:
        A folder with `model.safetensors` (that layer's tensors under their own names), the model's `config.json` and
        `provenance.json`.

    Raises:
        ModelNotFoundError, GatedModelError: there is no such model, or you have no access to it, or the hub must
            not be asked.
        ModelFilesError: the model has no such layer, no safetensors, or another defect.
        HubError: the hub cannot be reached or sends something else.
        CacheError: the folder cannot be written.
    """
    check_id(model)
    if offline():
        if to is None and (cached := cache.find(model, revision, layer, depth)):
            return cached.folder
        at = (f" --depth {depth}" if depth > 1 else "") + (f" --revision {revision}" if revision else "")
        raise ModelNotFoundError(
            f"model: {layers_in_words(layer, depth)} of {model!r} is not on this machine and HF_HUB_OFFLINE is set, "
            "so the hub is not "
            f"asked; run `llm4seg fetch {model} --layer {layer}{at}` on a machine with internet and copy its "
            f"LLM4SEG_HOME to {cache.home()}."
        )
    repository = open_repository(model, revision)
    destination = to.expanduser().absolute() if to else cache.folder_for(model, repository.commit, layer, depth)
    if to is None:
        refuse_links(destination.parent.parent, destination.parent)
    with disk_errors(destination), alone(destination):
        found = cache.read(destination)
        if found is None:
            refuse_occupied(destination)
            wanted = range(layer, layer + depth)
            _fetch(repository, wanted, revision or "main", destination, progress or (lambda had, size: None))
        elif (found.model, found.provenance["commit"], found.layer, found.depth) != (
            model,
            repository.commit,
            layer,
            depth,
        ):
            raise CacheError(
                f"to: {destination} contains {found.layers} of {found.model} at {found.provenance['commit']}; "
                "choose another folder."
            )
        elif (revision or "main") not in found.provenance["revisions"]:
            revisions = [*found.provenance["revisions"], revision or "main"]
            write_json(destination / cache.PROVENANCE, {**found.provenance, "revisions": revisions})
    return destination


def _fetch(repository: Repository, wanted: range, revision: str, destination: Path, progress: Progress) -> None:
    layer, depth = wanted.start, len(wanted)
    staging = destination.with_name(f".{destination.name}.{repository.commit[:12]}-{layer}.partial")
    private_folder(staging)
    for whole in staging.glob("whole-*"):
        whole.unlink()
    config = staging / "config.json"
    config.write_bytes((repository.text("config.json") or "").encode())
    entries, sources = _describe(repository, config, wanted, staging)
    # the header contains the sources' hashes, so a partial file of other sources begins differently
    etags = {name: sources[name].file.etag for name in sorted({entry.file for entry in entries})}
    metadata = {"format": "pt", "repository": repository.model, "commit": repository.commit}
    header = safetensors_files.new_header(entries, {**metadata, "sources": json.dumps(etags)})
    weights = staging / cache.WEIGHTS_FILE
    _write(weights, header, entries, sources, progress)
    provenance = {
        "repository": repository.model,
        "commit": repository.commit,
        "revisions": [revision],
        "layer": layer,
        **({"depth": depth} if depth > 1 else {}),
        "source_dtype": ", ".join(sorted({FILE_DTYPES[entry.dtype] for entry in entries})),
        "layer_sha256": cache.hash_layer(weights, config, layer, depth),
        "file_sha256": file_sha256(weights),
        "config_sha256": file_sha256(config),
        "sources": etags,
        "licence": _licence(repository.text("README.md")),
        "fetched": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    for whole in staging.glob("whole-*"):
        whole.unlink()
    write_json(staging / cache.PROVENANCE, provenance)
    publish(staging, destination)


def _describe(
    repository: Repository, config: Path, wanted: range, staging: Path
) -> tuple[list[safetensors_files.Entry], dict[str, RemoteSource]]:
    """The layers' tensors in the order of writing, and the files that contain them."""
    model_config = read_model_config(config.parent)
    dtypes = FILE_DTYPES if fp8_of(model_config) else STORED_DTYPES
    prefixes = family_of(model_config).prefixes
    layers = model_config.get("num_hidden_layers")
    if isinstance(layers, int):
        if wanted.start >= layers:
            raise ModelFilesError(
                f"layer: {wanted.start} is out of range; {repository.model!r} has layers 0 to {layers - 1}."
            )
        refuse_beyond_the_last(wanted.start, len(wanted), layers)
    try:
        files = [repository.file(name) for name in _shards(repository, prefixes, wanted)]
    except NoSuchFile:
        raise ModelFilesError(
            f"model: {repository.model!r} has no safetensors at commit {repository.commit[:12]}; pickled weights are "
            "never loaded because they can run code, so choose a revision or a model with model.safetensors."
        ) from None
    sources = {file.name: RemoteSource(file, staging) for file in files}
    entries = [entry for source in sources.values() for entry in source.entries()]
    names = [entry.name for entry in entries]
    starts = [safetensors_files.layer_prefix(names, prefixes, layer, repository.model) for layer in wanted]
    own = [e for e in entries if any(safetensors_files.is_parameter(e.name, start) for start in starts)]
    return safetensors_files.usable(own, dtypes), sources


def _shards(repository: Repository, prefixes: tuple[str, ...], wanted: range) -> list[str]:
    """The files that contain the layers."""
    index = repository.text(_INDEX)
    if index is None:
        return [cache.WEIGHTS_FILE]
    files = safetensors_files.parse_index(index, f"{_INDEX} of {repository.model!r}")
    starts = [safetensors_files.layer_prefix(files, prefixes, layer, repository.model) for layer in wanted]
    return sorted(
        {file for name, file in files.items() if any(safetensors_files.is_parameter(name, s) for s in starts)}
    )


def _write(
    path: Path,
    header: bytes,
    entries: list[safetensors_files.Entry],
    sources: Mapping[str, RemoteSource],
    progress: Progress,
) -> None:
    """Write the layer's file, or the missing end of a partial one."""
    size = sum(entry.end - entry.begin for entry in entries)
    with path.open("ab+", buffering=0) as file:
        file.seek(0)
        if file.read(len(header)) != header or file.seek(0, os.SEEK_END) > len(header) + size:
            file.truncate(0)
            _write_all(file, header)
        had = file.seek(0, os.SEEK_END) - len(header)
        progress(had, size)
        skip = had
        for name, begin, end in safetensors_files.spans(entries):
            there = min(skip, end - begin)
            skip -= there
            for chunk in sources[name].chunks(begin + there, end):
                _write_all(file, chunk)
                had += len(chunk)
                progress(had, size)
        if had != size:
            raise HubError(f"hub: {had} of {size} bytes of the layer came; run the command again.")
        os.fsync(file.fileno())


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    """Write all of `chunk`: an unbuffered file may write less than it is given."""
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _licence(card: str | None) -> str | None:
    """The licence that a model card names in the metadata at its beginning."""
    from huggingface_hub import ModelCard

    if card is None or not card.startswith("---"):
        return None
    try:
        fields = ModelCard(card, ignore_metadata_errors=True).data.to_dict()
    except Exception as error:  # anybody writes cards: broken metadata is no reason to refuse a layer
        _log.warning("the model card cannot be read (%s), so that no licence is noted", type(error).__name__)
        return None
    name = fields.get("license_name") if fields.get("license") == "other" else fields.get("license")
    return str(name) if name else None
