"""Read one layer's tensors, and nothing else, from a model folder's safetensors files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.dtypes import FILE_DTYPES, FP8_DTYPES, STORED_DTYPES, dtype_name, torch_dtype
from nnunet_llm4seg.llm.families import Family
from nnunet_llm4seg.llm.quantised import SCALES, UNUSED, Fp8, expanded
from nnunet_llm4seg.llm.safetensors_files import (
    Entry,
    is_parameter,
    layer_prefix,
    local_entries,
    parse_index,
    todays_name,
    usable,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

Tensors = dict[str, torch.Tensor]


def read_layer(
    folder: Path, family: Family, layer: int, shapes: Mapping[str, tuple[int, ...]], fp8: Fp8 | None = None
) -> Tensors:
    """Read the tensors named in `shapes` of layer number `layer`, in the file's own dtype, 8-bit ones as bfloat16.

    Args:
        folder: Contains `model.safetensors`, or shards with `model.safetensors.index.json`.
        family: How the layer's tensor names begin, and how old files spell them.
        layer: Index, counted from 0.
        shapes: Name without prefix -> shape, as the built layer has them.
        fp8: How the model's matrices are stored in 8 bits, if they are.

    Raises:
        ModelFilesError: no safetensors, a file is damaged, the layer or one of its tensors is missing or has
            another shape or type, or the layer holds tensors that are not in `shapes`.
    """
    headers = _Headers(folder)
    prefix = layer_prefix(headers.files, family.prefixes, layer, str(folder))
    spellings = {
        todays_name(stored[len(prefix) :], family.renamed): stored
        for stored in headers.files
        if stored.startswith(prefix)
    }
    scales = _scales(spellings) if fp8 else {}
    unused = {name for name in headers.files if is_parameter(name, prefix)} - {
        spellings[name] for name in (shapes.keys() & spellings.keys()) | _beside(spellings, scales, fp8)
    }
    if unused:
        raise ModelFilesError(
            f"model: {folder} holds {', '.join(sorted(unused))}, which the family's layer does not use, so that it "
            "would compute something else than the model does; choose another model."
        )
    sources: dict[Path, dict[str, Entry]] = {}
    for name, shape in shapes.items():
        if name not in spellings:
            raise ModelFilesError(f"model: {folder} lacks the tensor {prefix + name}; fetch the model again.")
        path, entry = headers.find(spellings[name])
        if entry.shape != tuple(shape):
            raise ModelFilesError(
                f"model: {entry.name} in {folder} has shape {entry.shape}, but its config.json asks for "
                f"{tuple(shape)}; the two files do not belong together."
            )
        sources.setdefault(path, {})[name] = entry
        if entry.dtype in FP8_DTYPES and fp8:
            if name not in scales:
                raise ModelFilesError(f"model: {folder} lacks the scale of {prefix + name}; fetch the model again.")
            path, entry = headers.find(spellings[scales[name]])
            sources.setdefault(path, {})[scales[name]] = entry
        elif name in scales:
            raise ModelFilesError(
                f"model: {folder} holds a scale of {prefix + name}, which is {entry.dtype} and needs none; fetch the "
                "model again, or choose its bfloat16 version."
            )
    tensors: Tensors = {}
    for path, entries in sorted(sources.items()):
        usable(entries.values(), FILE_DTYPES if fp8 else STORED_DTYPES)
        tensors.update(read_tensors(path, entries))
    for name in shapes:
        if fp8 and dtype_name(tensors[name].dtype) in FP8_DTYPES.values():
            tensors[name] = expanded(tensors[name], tensors.pop(scales[name]), fp8, prefix + name)
    return {name: tensors[name] for name in shapes}


def _scales(names: Iterable[str]) -> dict[str, str]:
    """Tensor -> the tensor with its scale."""
    return {
        name.removesuffix(ending) + "weight": name
        for name in names
        for ending in SCALES
        if name.rpartition(".")[2] == ending
    }


def _beside(names: Iterable[str], scales: Mapping[str, str], fp8: Fp8 | None) -> set[str]:
    """What a quantised layer holds beside its parameters."""
    return {*scales.values(), *(name for name in names if name.endswith(UNUSED))} if fp8 else set()


def read_tensors(path: Path, entries: Mapping[str, Entry]) -> Tensors:
    """Read the tensors at `entries`, by the keys of `entries`, into their own memory.

    The safetensors library's reader maps the file: the pages of a tensor stay in memory beside the copy that outlives
    the file, so that one layer would take twice its size.

    Raises:
        ModelFilesError: the file cannot be read, or changed since its header was read.
    """
    tensors = {}
    try:
        with path.open("rb", buffering=0) as file:
            for name, entry in sorted(entries.items(), key=lambda item: item[1].begin):
                tensor = torch.empty(entry.shape, dtype=torch_dtype(FILE_DTYPES[entry.dtype]), device="cpu")
                view = memoryview(cast("Buffer", tensor.flatten().view(torch.uint8).numpy()))
                file.seek(entry.begin)
                while view:
                    count = file.readinto(view)
                    if not count:
                        raise OSError(f"it ends within {name}")
                    view = view[count:]
                tensors[name] = tensor
    except OSError as error:
        raise ModelFilesError(f"model: {path} is damaged or cut short ({error}); fetch the model again.") from error
    return tensors


class _Headers:
    """The headers of a model's files, each of which is read once.

    Attributes:
        files: Tensor name -> the file that contains it.
    """

    def __init__(self, folder: Path) -> None:
        self._read: dict[Path, dict[str, Entry]] = {}
        self.files = self._files_by_tensor(folder)

    def find(self, name: str) -> tuple[Path, Entry]:
        """The file of a tensor, and its position in it."""
        path = self.files[name]
        entries = self._entries(path)
        if name not in entries:
            raise ModelFilesError(f"model: {path} lacks the tensor {name}; fetch the model again.")
        return path, entries[name]

    def _entries(self, path: Path) -> dict[str, Entry]:
        if path not in self._read:
            self._read[path] = {entry.name: entry for entry in local_entries(path)}
        return self._read[path]

    def _files_by_tensor(self, folder: Path) -> dict[str, Path]:
        index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
        if index.is_file():
            named = parse_index(index.read_text("utf-8", "replace"), str(index))
            return {name: folder / file for name, file in named.items()}
        if single.is_file():
            return dict.fromkeys(self._entries(single), single)
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
            raise ModelFilesError(
                f"model: {folder} has pickled weights only, which are never loaded because they can run code; "
                "use a version of the model with model.safetensors."
            )
        raise ModelFilesError(f"model: {folder} contains no model.safetensors; download the model's weights too.")
