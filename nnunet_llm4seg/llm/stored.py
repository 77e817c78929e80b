"""Read single tensors of a safetensors file into memory of their own.

The library's reader maps the file: the pages of a tensor stay in memory beside the copy that outlives the file, so
one layer would take twice its size. The format is a length (8 bytes, little-endian), a JSON header and the data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from nnunet_llm4seg.errors import ModelFilesError

STORED_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_LONGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors library


@dataclass(frozen=True)
class Entry:
    """A tensor in a file: its dtype as the file names it, its shape, and the bytes from `begin` to before `end`."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(path: Path) -> dict[str, Entry]:
    """Tensor name -> entry of a safetensors file.

    Raises:
        ModelFilesError: the file is missing, damaged or cut short.
    """
    if not path.is_file():
        raise ModelFilesError(f"model: {path} is missing; download all shards of the model.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(size - 8, _LONGEST_HEADER):
                raise ValueError(f"its header cannot be {length} bytes long")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        start = 8 + length
        entries = {
            name: Entry(e["dtype"], tuple(e["shape"]), *(start + offset for offset in e["data_offsets"]))
            for name, e in header.items()
        }
        for name, entry in entries.items():
            _check(name, entry, start, size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFilesError(f"model: {path} is damaged or cut short ({error}); fetch it again.") from error
    return entries


def read_tensors(path: Path, entries: Mapping[str, Entry]) -> dict[str, torch.Tensor]:
    """Read the tensors at `entries`, by the keys of `entries`.

    Raises:
        ModelFilesError: the file cannot be read, or changed since its header was read.
    """
    tensors = {}
    try:
        with path.open("rb", buffering=0) as file:
            for name, entry in sorted(entries.items(), key=lambda item: item[1].begin):
                tensor = torch.empty(entry.shape, dtype=STORED_DTYPES[entry.dtype])
                view = memoryview(tensor.flatten().view(torch.uint8).numpy())
                file.seek(entry.begin)
                while view:
                    count = file.readinto(view)
                    if not count:
                        raise OSError(f"it ends within {name}")
                    view = view[count:]
                tensors[name] = tensor
    except OSError as error:
        raise ModelFilesError(f"model: {path} is damaged or cut short ({error}); fetch it again.") from error
    return tensors


def _check(name: str, entry: Entry, start: int, size: int) -> None:
    if not start <= entry.begin <= entry.end <= size:
        raise ValueError(f"{name} lies outside the file")
    if entry.dtype in STORED_DTYPES:
        expected = math.prod(entry.shape) * STORED_DTYPES[entry.dtype].itemsize
        if expected != entry.end - entry.begin:
            raise ValueError(f"{name} does not have the size that its shape needs")
