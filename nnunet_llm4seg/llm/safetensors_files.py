"""Safetensors files as bytes and JSON: the positions of one layer's tensors. No loading, no torch.

A safetensors file is 8 bytes (little-endian length of the header), the header (JSON: name -> dtype, shape and
`data_offsets`, counted from the header's end), and the tensors' bytes without gaps.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.dtypes import BYTES, FILE_BYTES, FILE_DTYPES, STORED_DTYPES

# what older files hold beside a layer's parameters, and `transformers` makes anew: GPT-2's masks, LLaMA's tables
_ROTARY = tuple(f"rotary_emb.{name}" for name in ("inv_freq", "cos_cached", "sin_cached"))
_MASKS = ("bias", "masked_bias")
_BUFFERS = frozenset(
    {
        *(f"attn.{name}" for name in _MASKS),
        *(f"self_attn.{name}" for name in _ROTARY),
        *(f"attention.{name}" for name in (*_MASKS, *_ROTARY)),  # GPT-NeoX's; its parameters are one level deeper
    }
)
_LARGEST_HEADER = 100_000_000  # bytes; the safetensors library's own limit


@dataclass(frozen=True)
class Entry:
    """One tensor: bytes `begin` to `end` (exclusive) of `file`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    begin: int
    end: int


def header_length(first: bytes, file: str, size: int) -> int:
    """Length of a header from a file's first 8 bytes.

    Raises:
        ModelFilesError: this is not a safetensors file.
    """
    length = int.from_bytes(first, "little")
    if len(first) != 8 or not 2 <= length <= min(size - 8, _LARGEST_HEADER):
        raise _damaged(file, "its first 8 bytes are not a possible length")
    return length


def parse_header(header: bytes, file: str, size: int) -> list[Entry]:
    """All tensors of a file of `size` bytes, from its header.

    Raises:
        ModelFilesError: the header is damaged or does not fit the file.
    """
    start = 8 + len(header)
    try:
        content = json.loads(header)
        content.pop("__metadata__", None)
        entries = [
            Entry(name, e["dtype"], tuple(e["shape"]), file, *(start + int(o) for o in e["data_offsets"]))
            for name, e in content.items()
        ]
        for entry in entries:
            if not all(isinstance(size, int) and size >= 0 for size in entry.shape):
                raise ValueError(f"{entry.name} has the shape {list(entry.shape)}")
            if not start <= entry.begin <= entry.end <= size:
                raise ValueError(f"{entry.name} is outside the file")
            numbers = math.prod(entry.shape)
            if entry.dtype in FILE_DTYPES and entry.end - entry.begin != numbers * _bytes(entry):
                raise ValueError(f"the size of {entry.name} does not match its shape")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(file, str(error)) from error
    return entries


def parse_index(content: str, where: str) -> dict[str, str]:
    """Tensor name -> file, from a model's index of shards.

    Raises:
        ModelFilesError: it is damaged, or names a file that is not in the model's own folder.
    """
    try:
        files = {str(name): str(file) for name, file in json.loads(content)["weight_map"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFilesError(f"model: {where} is damaged ({error}); fetch the model again.") from error
    for file in sorted(set(files.values())):
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.safetensors", file):
            raise ModelFilesError(
                f"model: {where} names the file {file!r}; only safetensors files beside it are read, so choose "
                "another model."
            )
    return files


def layer_prefix(names: Iterable[str], prefixes: Sequence[str], layer: int, where: str) -> str:
    """How the tensor names of layer number `layer` begin, among `prefixes` with `{}` for the index.

    Raises:
        ModelFilesError: there is no such layer; the message names the existing ones.
    """
    names = list(names)
    for pattern in prefixes:
        prefix = pattern.format(layer)
        if any(name.startswith(prefix) for name in names):
            return prefix
    patterns = [re.compile(re.escape(p).replace(r"\{\}", r"(\d+)")) for p in prefixes]
    held = sorted({int(m[1]) for name in names for pattern in patterns if (m := pattern.match(name))})
    raise ModelFilesError(
        f"layer: {where} contains no tensors of layer {layer}; it contains "
        f"{', '.join(map(str, held)) or 'no layers that we recognise'}; choose one of them."
    )


def is_parameter(name: str, prefix: str) -> bool:
    """Whether `name` is a parameter of the layer whose tensor names begin with `prefix`."""
    return name.startswith(prefix) and name[len(prefix) :] not in _BUFFERS


def usable(entries: Iterable[Entry], dtypes: Iterable[str] = STORED_DTYPES) -> list[Entry]:
    """Sort for writing: wide types first, which keeps every tensor aligned, then in the order of the source.

    Raises:
        ModelFilesError: a type in which the plugin cannot compute.
    """
    entries = list(entries)
    for entry in entries:
        if entry.dtype not in dtypes:
            raise ModelFilesError(
                f"model: {entry.name} in {entry.file} is {entry.dtype}; only {', '.join(BYTES)} can be used, so "
                "choose the model's unquantised version."
            )
    return sorted(entries, key=lambda e: (-_bytes(e), e.file, e.begin))


def spans(entries: Iterable[Entry]) -> list[tuple[str, int, int]]:
    """(file, begin, end) of the ranges to read one after the other; adjacent ones are joined."""
    merged: list[tuple[str, int, int]] = []
    for entry in entries:
        if merged and merged[-1][0] == entry.file and merged[-1][2] == entry.begin:
            merged[-1] = (entry.file, merged[-1][1], entry.end)
        else:
            merged.append((entry.file, entry.begin, entry.end))
    return merged


def new_header(entries: Iterable[Entry], metadata: Mapping[str, str]) -> bytes:
    """The first bytes, length included, of a file with these tensors one after the other."""
    content: dict = {"__metadata__": dict(metadata)}
    position = 0
    for entry in entries:
        end = position + entry.end - entry.begin
        content[entry.name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [position, end]}
        position = end
    header = json.dumps(content, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # so that the tensors are aligned
    return len(header).to_bytes(8, "little") + header


def local_entries(path: Path) -> list[Entry]:
    """All tensors of a file on this machine.

    Raises:
        ModelFilesError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ModelFilesError(f"model: {path} is missing; download all shards of the model.")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = header_length(file.read(8), str(path), size)
        return parse_header(file.read(length), str(path), size)


def todays_name(name: str, renamed: Mapping[str, str]) -> str:
    """A tensor's name as the built layer has it; `renamed`: old endings -> today's, see `llm.families.Family`."""
    return next((name.removesuffix(old) + new for old, new in renamed.items() if name.endswith(old)), name)


def _bytes(entry: Entry) -> int:
    return FILE_BYTES[FILE_DTYPES[entry.dtype]]


def _damaged(file: str, why: str) -> ModelFilesError:
    return ModelFilesError(f"model: {file} is not a safetensors file, or is damaged ({why}); fetch the model again.")
