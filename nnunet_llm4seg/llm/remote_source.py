"""A file on the hub as a source of byte ranges, whatever its server can do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from nnunet_llm4seg.llm import safetensors_files
from nnunet_llm4seg.llm.hub import RangesRefused, RemoteFile

_log = logging.getLogger(__name__)
_BLOCK = 1 << 20  # bytes


class RemoteSource:
    """A file on the hub that is read by ranges, or downloaded whole into `staging` if the server has no ranges."""

    def __init__(self, file: RemoteFile, staging: Path) -> None:
        self.file = file
        self._whole = staging / f"whole-{file.name.replace('/', '-')}"

    def chunks(self, begin: int, end: int) -> Iterator[bytes]:
        position = begin
        if not self._whole.exists():
            try:
                for chunk in self.file.chunks(begin, end):
                    position += len(chunk)
                    yield chunk
                return
            except RangesRefused:
                _log.warning(
                    "the server of %s has no byte ranges, so all of %s is downloaded (%.1f MB), and the layer read "
                    "out of it",
                    self.file.repository.model,
                    self.file.name,
                    self.file.size / 1e6,
                )
                self.file.download(self._whole)
        with self._whole.open("rb") as file:
            file.seek(position)
            while position < end and (chunk := file.read(min(_BLOCK, end - position))):
                position += len(chunk)
                yield chunk

    def entries(self) -> list[safetensors_files.Entry]:
        length = safetensors_files.header_length(b"".join(self.chunks(0, 8)), self.file.name, self.file.size)
        return safetensors_files.parse_header(b"".join(self.chunks(8, 8 + length)), self.file.name, self.file.size)
