"""A folder that appears whole: one process at a time works on it, and what a disk refuses is told in a sentence."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from nnunet_llm4seg.errors import CacheError, LLM4SegError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def refuse_occupied(destination: Path) -> None:
    """Let only a new or an empty folder be filled.

    Raises:
        CacheError: something else is there.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise CacheError(f"to: {destination} exists and holds something else; choose another folder or remove it.")


@contextmanager
def alone(destination: Path) -> Iterator[None]:
    """Let one process at a time work on `destination`; locks of killed processes are free at once."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    lock = destination.with_name(f".{destination.name}.lock")
    with FileLock(lock):
        yield
        with suppress(OSError):  # Windows keeps a file that is open
            lock.unlink()  # whoever still waits for it finds the folder complete


@contextmanager
def disk_errors(destination: Path) -> Iterator[None]:
    """Sentences for what a disk can refuse; a full one gets back what was written."""
    try:
        yield
    except LLM4SegError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            for partial in destination.parent.glob(f".{destination.name}.*.partial"):
                shutil.rmtree(partial, ignore_errors=True)
            raise CacheError(
                f"cache: the disk with {destination.parent} is full ({error.strerror}); what was downloaded of the "
                "layer is removed again. Free some space, or set LLM4SEG_HOME to another disk."
            ) from error
        raise CacheError(
            f"cache: {error.filename or destination.parent} cannot be written ({error.strerror}); set LLM4SEG_HOME to "
            "a folder that you may write to, or give one with --to."
        ) from error
