"""The number types in which a layer can be stored and computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# safetensors' name of a type -> ours, which is also torch's
STORED_DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# of matrices with a scale beside them, see `llm.quantised`; what is computed with is never of this type
FP8_DTYPES = {"F8_E4M3": "float8_e4m3fn"}
FILE_DTYPES = {**STORED_DTYPES, **FP8_DTYPES}
FILE_BYTES = {**BYTES, "float8_e4m3fn": 1}


def torch_dtype(name: str) -> torch.dtype:
    """`bfloat16` -> `torch.bfloat16`."""
    import torch

    return {name: getattr(torch, name) for name in FILE_BYTES}[name]


def dtype_name(dtype: torch.dtype) -> str:
    """`torch.bfloat16` -> `bfloat16`."""
    return str(dtype).removeprefix("torch.")
