"""The sha256 of files and of layers.

A layer's is over its tensors, sorted by their names without prefix: for each one `name|dtype|shape|` and its raw
bytes. Plans and checkpoints contain it, so it never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nnunet_llm4seg.llm.dtypes import FILE_DTYPES, dtype_name
from nnunet_llm4seg.llm.safetensors_files import Entry

if TYPE_CHECKING:
    import torch
    from typing_extensions import Buffer

_BLOCK = 1 << 20  # bytes


def layer_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """Hash of a layer in memory."""
    return _digest(_described(tensors))


def stored_layer_sha256(path: Path, entries: Mapping[str, Entry]) -> str:
    """Hash of a layer in a safetensors file: name without prefix -> where its tensor lies."""
    with path.open("rb") as file:
        return _digest(
            (name, FILE_DTYPES[entry.dtype], entry.shape, _blocks(file, entry.begin, entry.end))
            for name, entry in sorted(entries.items())
        )


def file_sha256(path: Path) -> str:
    """Hash of a whole file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in _blocks(file, 0, path.stat().st_size):
            digest.update(block)
    return digest.hexdigest()


def _described(
    tensors: Mapping[str, torch.Tensor],
) -> Iterator[tuple[str, str, Sequence[int], Iterable[Buffer]]]:
    import torch

    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        yield name, dtype_name(tensor.dtype), tensor.shape, [values.data]


def _digest(tensors: Iterable[tuple[str, str, Sequence[int], Iterable[Buffer]]]) -> str:
    digest = hashlib.sha256()
    for name, dtype, shape, values in tensors:
        digest.update(f"{name}|{dtype}|{list(shape)}|".encode())
        for block in values:
            digest.update(block)
    return digest.hexdigest()


def _blocks(file: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    file.seek(begin)
    while begin < end and (block := file.read(min(_BLOCK, end - begin))):
        yield block
        begin += len(block)
