"""The precision in which the LLM layer computes, whatever surrounds it.

nnU-Net trains under fp16 autocast, whose largest number is 65,504; activations of LLaMA and Qwen layers exceed it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from pathlib import Path

import torch

from nnunet_llm4seg.llm.dtypes import torch_dtype

Move = Callable[[torch.Tensor], torch.Tensor]

_CPU_INFO = Path("/proc/cpuinfo")
_NATIVE = {"amx_bf16", "avx512_bf16"}  # instructions that multiply bfloat16 numbers; others emulate it, slower


def compute_dtype(setting: str, device: torch.device) -> torch.dtype:
    """The dtype of the layer's matrix products: `auto` is bfloat16 if the GPU or CPU computes in it, else float32."""
    if setting != "auto":
        return torch_dtype(setting)
    if device.type == "cpu":
        native = cpu_computes_in_bfloat16()
    else:
        native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float32


@lru_cache(maxsize=1)
def cpu_computes_in_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16 (AMX or AVX512-BF16) and torch uses them; only known on Linux."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return torch.backends.mkldnn.is_available() and not _NATIVE.isdisjoint(flags.split())


def island(device_type: str, dtype: torch.dtype) -> AbstractContextManager:
    """A context in which the surrounding autocast is off: float32, or autocast to bfloat16 instead."""
    if not torch.amp.is_autocast_available(device_type):
        return nullcontext()
    if dtype == torch.float32:
        return torch.autocast(device_type, enabled=False)
    return torch.autocast(device_type, dtype=dtype, cache_enabled=False)  # a cached cast may have the other dtype


def moves_only(apply: Move) -> Move:
    """Of what `nn.Module` applies to its tensors the moves between devices only, never the casts between dtypes.

    A cast would lose the layer's values, for which a network's `half()` is not meant.
    """

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        sample = apply(torch.ones(1, dtype=tensor.dtype, device=tensor.device))
        return apply(tensor) if sample.dtype == tensor.dtype else tensor.to(sample.device)

    return moved


def keeps_values(apply: Move, device: torch.device) -> bool:
    """Whether tensors on `device` still hold their values afterwards; not so for `to_empty` and the device `meta`."""
    values = torch.arange(1.0, 9.0, device=device)
    after = apply(values.clone())
    return not (values.is_meta or after.is_meta) and torch.equal(after.float().cpu(), values.cpu())
