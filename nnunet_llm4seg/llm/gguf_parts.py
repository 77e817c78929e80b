"""The files of one GGUF model: a single one, or the parts of a split one, checked to belong together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.gguf_header import GGUFHeader, read_header

_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def read_parts(path: Path) -> list[GGUFHeader]:
    """The headers of all files of the model of which `path` is one, in order.

    Raises:
        ModelFilesError: a file is missing or damaged, holds no language model, or is not a part of the same model.
    """
    headers = [read_header(part) for part in _parts(path)]
    _refuse_other_contents(headers[0].values, path)
    _refuse_mixed_parts(headers)
    return headers


def _parts(path: Path) -> list[Path]:
    """All files of a model of which `path` is one."""
    match = _PART.search(path.name)
    if match is None:
        return [path]
    total = int(match[2])
    parts = [path.with_name(f"{path.name[: match.start()]}-{i:05d}-of-{total:05d}.gguf") for i in range(1, total + 1)]
    if path not in parts:
        raise ModelFilesError(f"model: {path} is not one of {total} parts by its name; download the parts again.")
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise ModelFilesError(f"model: {path} is one of {total} parts, and {missing[0]} is missing; put it beside.")
    return parts


def _refuse_mixed_parts(headers: Sequence[GGUFHeader]) -> None:
    """Refuse files that are not the parts of one split model, of which the last read would win."""
    seen: dict[str, Path] = {}
    for number, header in enumerate(headers):
        said = header.values.get("split.no", number), header.values.get("split.count") or len(headers)
        if said != (number, len(headers)):
            raise ModelFilesError(
                f"model: by its name {header.path} is part {number + 1} of {len(headers)}, but its header says "
                f"split.no {said[0]!r} (counted from 0) of {said[1]!r}; download the parts again."
            )
        for name in header.tensors:
            if name in seen:
                raise ModelFilesError(
                    f"model: {name} is in {seen[name].name} and in {header.path}, which are not parts of one model; "
                    "download them again."
                )
            seen[name] = header.path


def _refuse_other_contents(values: Mapping[str, Any], path: Path) -> None:
    kind = values.get("general.type", "model")
    if kind != "model" or values.get("general.architecture") == "clip":
        what = "the projector of a vision model" if kind in ("mmproj", "model") else f"of the kind {kind!r}"
        raise ModelFilesError(f"model: the GGUF file {path} is {what}, and no language model; give the model's own.")
    parts = values.get("split.count", 0)
    if isinstance(parts, int) and parts > 1 and _PART.search(path.name) is None:
        raise ModelFilesError(
            f"model: the GGUF file {path} is one of {parts} parts; give them the names NAME-00001-of-{parts:05d}.gguf."
        )
