"""Which graphics processors a training could use."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nnunet_llm4seg.doctor.findings import Finding


def hardware() -> Iterator[Finding]:
    """Each processor with its free memory; none is only a note."""
    import torch

    if not torch.cuda.is_available():
        text = (
            f"none that torch {torch.__version__} can use; on the {os.cpu_count()} CPU cores, slowly, with -device cpu"
        )
        yield Finding("note", "GPU", text)
        return
    for index in range(torch.cuda.device_count()):
        free, total = (size / 1e9 for size in torch.cuda.mem_get_info(index))
        with torch.cuda.device(index):
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        name = torch.cuda.get_device_name(index)
        text = f"{name}, {free:.0f} of {total:.0f} GB free, bfloat16 {'yes' if bf16 else 'no'}"
        yield Finding("ok", f"GPU {index}", text)
    setting = os.environ.get("nnUNet_compile", "not set: on")
    yield Finding("ok", "torch.compile", f"nnUNet_compile is {setting}")
