"""Locks that a dead holder releases: the kernel drops them with the process, on NFS the server with the client."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nnunet_llm4seg.errors import StudyError


class HeldElsewhereError(Exception):
    """Another process holds the lock."""


@contextmanager
def held(path: Path, patience_s: float = 5.0) -> Iterator[None]:
    """Hold the lock `path` during a `with` block.

    Args:
        patience_s: How long to wait for it; -1 means without limit. Not 0: `is_held` holds it for a moment.

    Raises:
        HeldElsewhereError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience_s, poll_interval=0.1)
    except Timeout as error:
        raise HeldElsewhereError(str(path)) from error
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process on any machine with access to the folder holds the lock; needs no write permission."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return True
        raise
    finally:
        os.close(file)
    return False


def require_locks(folder: Path) -> None:
    """Check that the file system of `folder` supports locks.

    Raises:
        StudyError: it does not; two machines could then train the same fold.
    """
    path = folder / ".locks"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise StudyError(
                f"{folder}: this file system has no locks ({error.strerror}), so that two processes could train the "
                "same fold; put the study elsewhere with `folder:`, or have it mounted with flock."
            ) from error
    finally:
        os.close(file)
