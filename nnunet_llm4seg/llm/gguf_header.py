"""The header of a GGUF file: its values and where its tensors are, checked against the file's size. No torch.

A GGUF file (versions 2 and 3, little-endian) is a magic, the numbers of tensors and values, the values, one entry per
tensor, and the tensors' bytes, aligned. The library `gguf` makes a Python object of every token of the vocabulary
(3.7 s of CPU for SmolLM2's 49,152) and trusts the lengths in the file; this reader skips the lists of strings and
refuses a length that the file does not have.
Source: the specification of GGUF (ggml, docs/gguf.md).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError

MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
_LONGEST_LIST = 65536  # numbers; longer lists belong to tokenizers
_MOST_AXES = 8


@dataclass(frozen=True)
class GGUFTensor:
    """One tensor.

    Attributes:
        kind: ggml's number of its type, see `gguf.GGMLQuantizationType`.
        shape: In numpy's order, which is the reverse of the file's.
        begin: Of its bytes in the file.
    """

    kind: int
    shape: tuple[int, ...]
    begin: int


@dataclass(frozen=True)
class GGUFHeader:
    """What one GGUF file holds.

    Attributes:
        values: By key; lists of strings and long lists are None.
        tensors: By name.
    """

    path: Path
    values: dict[str, Any]
    tensors: dict[str, GGUFTensor]


def is_gguf(path: Path) -> bool:
    """Whether a file begins as a GGUF file does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_header(path: Path) -> GGUFHeader:
    """Read the header of a GGUF file; its tensors are not touched.

    Raises:
        ModelFilesError: it cannot be read, is no GGUF file of version 2 or 3, or is damaged or cut short.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Cursor(content).header(path)
    except (OSError, ValueError, KeyError, struct.error, RecursionError) as error:
        raise ModelFilesError(
            f"model: {path} is not a GGUF file, or is damaged ({error}); download it again."
        ) from error


class _Cursor:
    """Reads one value after the other, and nothing beyond the end of the file."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content, self.position = content, 0

    def header(self, path: Path) -> GGUFHeader:
        if self._bytes(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._number("I")
        if version not in (2, 3):
            raise ValueError(f"its version is {version}, and 2 and 3 are known")
        n_tensors, n_values = self._number("Q"), self._number("Q")
        values: dict[str, Any] = {}
        for _ in range(n_values):
            key = self._text()
            if key in values:
                raise ValueError(f"the key {key} is there twice")
            values[key] = self._value(self._number("I"))
        relative: dict[str, GGUFTensor] = {}
        for _ in range(n_tensors):
            name = self._text()
            if name in relative:
                raise ValueError(f"the tensor {name} is there twice")
            axes = self._number("I")
            if axes > _MOST_AXES:
                raise ValueError(f"{name} has {axes} axes")
            shape = tuple(self._number("Q") for _ in range(axes))[::-1]
            relative[name] = GGUFTensor(self._number("I"), shape, self._number("Q"))
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError(f"its alignment is {alignment!r}")
        start = -(-self.position // alignment) * alignment
        tensors = {name: GGUFTensor(t.kind, t.shape, start + t.begin) for name, t in relative.items()}
        for name, tensor in tensors.items():
            if tensor.begin > len(self.content):
                raise ValueError(f"{name} begins after its end")
        return GGUFHeader(path, values, tensors)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._list()
        return self._number(_SCALARS[kind])

    def _list(self) -> list[Any] | None:
        kind, count = self._number("I"), self._number("Q")
        if kind == _STRING:
            for _ in range(count):
                self._skip(self._number("Q"))
            return None
        size = struct.calcsize(f"<{_SCALARS[kind]}")
        if count > _LONGEST_LIST:
            self._skip(count * size)
            return None
        return list(struct.unpack(f"<{count}{_SCALARS[kind]}", self._bytes(count * size)))

    def _number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self._bytes(struct.calcsize(f"<{code}")))[0]

    def _text(self) -> str:
        return self._bytes(self._number("Q")).decode("utf-8")

    def _bytes(self, count: int) -> bytes:
        begin = self.position
        self._skip(count)
        return self.content[begin : self.position]

    def _skip(self, count: int) -> None:
        if count > len(self.content) - self.position:
            raise ValueError("it ends within its header")
        self.position += count
