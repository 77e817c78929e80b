"""Read one layer's tensors, and nothing else, from a model folder's safetensors files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.ranges import layer_prefix, local_entries, usable
from nnunet_llm4seg.llm.stored import read_tensors

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def read_layer(
    folder: Path,
    prefixes: tuple[str, ...],
    layer: int,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    renamed: Mapping[str, str] | None = None,
) -> dict[str, torch.Tensor]:
    """Read the tensors named in `shapes` of layer number `layer`, in the file's own dtype.

    Args:
        folder: Holds `model.safetensors`, or shards with `model.safetensors.index.json`.
        prefixes: How the layer's tensor names may begin, with `{}` for the index.
        layer: 0-based index.
        shapes: Name without prefix -> shape, as the built layer has them.
        renamed: Old endings of tensor names in files -> those that `shapes` has.

    Raises:
        ModelFilesError: no safetensors, a file is damaged, the layer or one of its tensors is missing or has
            another shape or type.
    """
    files = _files_by_tensor(folder)
    prefix = layer_prefix(files, prefixes, layer, str(folder))
    sources = {}  # path -> {name in the file: name in shapes}
    for name in shapes:
        stored = next((n for n in _spellings(prefix + name, renamed or {}) if n in files), None)
        if stored is None:
            raise ModelFilesError(f"model: {folder} lacks the tensor {prefix + name}; fetch the model again.")
        sources.setdefault(files[stored], {})[stored] = name
    tensors = {}
    for path, wanted in sorted(sources.items()):
        entries = {entry.name: entry for entry in local_entries(path)}
        for stored, name in wanted.items():
            if stored not in entries:
                raise ModelFilesError(f"model: {path} lacks the tensor {stored}; fetch the model again.")
            entry = entries[stored]
            if entry.shape != tuple(shapes[name]):
                raise ModelFilesError(
                    f"model: {stored} in {folder} has shape {entry.shape}, but its config.json asks for "
                    f"{tuple(shapes[name])}; the two files do not belong together."
                )
        usable(entries[stored] for stored in wanted)
        tensors.update(read_tensors(path, {name: entries[stored] for stored, name in wanted.items()}))
    return {name: tensors[name] for name in shapes}


def layer_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """Hash of a layer: over the sorted names without prefix, each with dtype, shape and raw bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{dtype_name(tensor.dtype)}|{list(tensor.shape)}|".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def dtype_name(dtype: torch.dtype) -> str:
    """`torch.bfloat16` -> `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def _files_by_tensor(folder: Path) -> dict[str, Path]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            return {name: folder / file for name, file in json.loads(index.read_text("utf-8"))["weight_map"].items()}
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelFilesError(f"model: {index} is damaged ({error}); fetch the model again.") from error
    single = folder / "model.safetensors"
    if single.is_file():
        return dict.fromkeys((entry.name for entry in local_entries(single)), single)
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
        raise ModelFilesError(
            f"model: {folder} holds pickled weights only, which are never loaded because they can run code; "
            "use a version of the model with model.safetensors."
        )
    raise ModelFilesError(f"model: {folder} holds no model.safetensors; download the model's weights too.")


def _spellings(name: str, renamed: Mapping[str, str]) -> list[str]:
    """A tensor's name today, and in old files."""
    return [name, *(name.removesuffix(new) + old for old, new in renamed.items() if name.endswith(new))]
