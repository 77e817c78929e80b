"""Read single tensors of a safetensors file into memory of their own.

The library's reader maps the file: the pages of a tensor stay in memory beside the copy that outlives the file, so
one layer would take twice its size. `llm.ranges` knows where the tensors lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.ranges import DTYPES, Entry


def read_tensors(path: Path, entries: Mapping[str, Entry]) -> dict[str, torch.Tensor]:
    """Read the tensors at `entries`, by the keys of `entries`.

    Raises:
        ModelFilesError: the file cannot be read, or changed since its header was read.
    """
    tensors = {}
    try:
        with path.open("rb", buffering=0) as file:
            for name, entry in sorted(entries.items(), key=lambda item: item[1].begin):
                tensor = torch.empty(entry.shape, dtype=getattr(torch, DTYPES[entry.dtype][0]))
                view = memoryview(tensor.flatten().view(torch.uint8).numpy())
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
