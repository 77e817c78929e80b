"""Read one layer's tensors, and nothing else, from a model folder's safetensors files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from nnunet_llm4seg.errors import ModelFilesError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def read_layer(
    folder: Path, prefixes: tuple[str, ...], layer: int, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, torch.Tensor]:
    """Read the tensors named in `shapes` of layer number `layer`, in the file's own dtype.

    Args:
        folder: Holds `model.safetensors`, or shards with `model.safetensors.index.json`.
        prefixes: How the layer's tensor names may begin, with `{}` for the index.
        layer: 0-based index.
        shapes: Name without prefix -> shape, as the built layer has them.

    Raises:
        ModelFilesError: no safetensors, a file is damaged, the layer or one of its tensors is missing or has
            another shape or type.
    """
    files = _files_by_tensor(folder)
    prefix = next((p.format(layer) for p in prefixes if any(n.startswith(p.format(layer)) for n in files)), None)
    if prefix is None:
        raise ModelFilesError(
            f"layer: {folder} holds no tensors of layer {layer}; it holds {_layers_held(files, prefixes)}."
        )
    tensors = {}
    for path in sorted({files[prefix + name] for name in shapes if prefix + name in files}):
        with _opened(path) as file:
            for name in shapes:
                if files.get(prefix + name) == path:
                    tensors[name] = file.get_tensor(prefix + name).clone()  # the file may go away or change
    for name, shape in shapes.items():
        if name not in tensors:
            raise ModelFilesError(f"model: {folder} lacks the tensor {prefix + name}; fetch the model again.")
        found = tensors[name]
        if tuple(found.shape) != tuple(shape):
            raise ModelFilesError(
                f"model: {prefix + name} in {folder} has shape {tuple(found.shape)}, but its config.json asks for "
                f"{tuple(shape)}; the two files do not belong together."
            )
        if found.dtype not in DTYPES.values():
            raise ModelFilesError(
                f"model: {prefix + name} in {folder} is {found.dtype}; only {', '.join(DTYPES)} can be used, "
                "so choose the model's unquantised version."
            )
    return tensors


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
        with _opened(single) as file:
            return dict.fromkeys(file.keys(), single)
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
        raise ModelFilesError(
            f"model: {folder} holds pickled weights only, which are never loaded because they can run code; "
            "use a version of the model with model.safetensors."
        )
    raise ModelFilesError(f"model: {folder} holds no model.safetensors; download the model's weights too.")


def _opened(path: Path):
    if not path.is_file():
        raise ModelFilesError(f"model: {path} is missing; download all shards of the model.")
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise ModelFilesError(f"model: {path} is damaged or cut short ({error}); fetch it again.") from error


def _layers_held(files: Mapping[str, Path], prefixes: tuple[str, ...]) -> str:
    patterns = [re.compile(re.escape(p).replace(r"\{\}", r"(\d+)")) for p in prefixes]
    held = sorted({int(match[1]) for name in files for pattern in patterns if (match := pattern.match(name))})
    if not held:
        return "no layers that we recognise"
    whole_run = held == list(range(held[0], held[-1] + 1))
    return f"layers {held[0]} to {held[-1]}" if whole_run else f"layers {', '.join(map(str, held))}"
