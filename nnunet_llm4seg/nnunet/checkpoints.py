"""Reading nnU-Net's checkpoints without running what is in them.

A checkpoint is a pickle. Apart from tensors, nnU-Net puts text, numbers, numpy's scalars and a torch.device into it;
nothing else is read here. nnU-Net's own loaders unpickle whatever a file contains.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnunet_llm4seg.errors import CheckpointError, first_line

_LOCK = threading.Lock()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint as nnU-Net writes them, mapped into memory.

    Raises:
        CheckpointError: it is missing or torn, is not nnU-Net's, or contains anything but tensors, numbers and text.
    """
    try:
        with _LOCK:  # torch keeps one list of what is allowed
            before = torch.serialization.get_safe_globals()
            torch.serialization.add_safe_globals(_ALLOWED)
            try:
                checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            finally:
                torch.serialization.clear_safe_globals()
                torch.serialization.add_safe_globals(before)
        checkpoint["network_weights"], checkpoint["current_epoch"]
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"the checkpoint {path} cannot be read: it is torn, or it contains something other than tensors, numbers "
            "and text, which could run any program; use another checkpoint, or train this fold again."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"the checkpoint {path} cannot be read ({type(error).__name__}: {first_line(error)}); "
            "use another checkpoint, or train this fold again."
        ) from error
    if not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["network_weights"].values()):
        raise CheckpointError(f"the checkpoint {path} cannot be read: its network_weights are not all tensors.")
    return checkpoint


def _scalar(dtype: np.dtype, data: bytes) -> Any:
    """What numpy pickles for a scalar, for numbers only."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc" or not isinstance(data, bytes):
        raise pickle.UnpicklingError("not a number")
    return np.frombuffer(data, dtype)[0]


def _named(module: str) -> Callable[..., Any]:
    """`_scalar` under the name by which a pickle asks for it; numpy 2 moved it."""

    def scalar(dtype: np.dtype, data: bytes) -> Any:
        return _scalar(dtype, data)

    scalar.__module__, scalar.__qualname__ = module, "scalar"
    return scalar


_ALLOWED: list[Any] = [
    _named("numpy.core.multiarray"),
    _named("numpy._core.multiarray"),
    np.dtype,
    *{type(np.dtype(code)) for code in "?bBhHiIlLqQefdFD"},
]
