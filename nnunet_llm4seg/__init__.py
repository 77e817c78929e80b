"""nnunet_llm4seg: one frozen, pre-trained LLM layer inside the networks that nnU-Net generates.

Importing this package imports nothing heavy; the public names are loaded on first use.
"""

import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "LLM4Seg": "official",
    "LLM4SegConfig": "config",
    "LLM4SegError": "errors",
    "LLMBottleneck": "bottleneck",
    "LLM4SegUNet": "network",
    "inject": "network",
    "inject_at": "other_networks",
    "use_trainers": "nnunet.environment",
}

__all__ = sorted([*_PUBLIC, "__version__"])

# In a checkout, trainers/ and plans/ are beside this folder; in an installed package they are inside it.
_here = Path(__file__).resolve().parent
if not (_here / "trainers").is_dir():
    __path__.append(str(_here.parent))


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
