"""The networks of the LLM4Seg paper that nnU-Net does not generate: U-Net, CMUNeXt, MedNeXt and 3D UX-Net.

nnU-Net builds the class that its plans name, so a backbone does not need its own trainer. Plans name these classes as
`nnunet_llm4seg.backbones.CMUNeXt`; the names and the constructors' arguments never change.

Weights start from PyTorch's defaults for each layer; nnU-Net's own initialisation is for its own networks.
"""

import importlib
from typing import Any

_CLASSES = {"UNet": "unet", "CMUNeXt": "cmunext", "MedNeXt": "mednext", "UXNet": "uxnet"}

__all__ = sorted(_CLASSES)


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return getattr(importlib.import_module(f".{_CLASSES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
