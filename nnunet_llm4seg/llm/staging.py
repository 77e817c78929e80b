"""A folder that appears only when complete: one process at a time works on it, and disk errors are sentences."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from nnunet_llm4seg.errors import CacheError, LLM4SegError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def refuse_occupied(destination: Path) -> None:
    """Allow only a new or an empty folder.

    Raises:
        CacheError: the folder contains something else.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise CacheError(f"to: {destination} exists and contains something else; choose another folder or remove it.")


def private_folder(path: Path) -> None:
    """Make a folder to which only we can write, or keep one; what somebody else may have put there is removed.

    In a shared cache others could otherwise put a link in place of a file that we are going to write.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o700, exist_ok=True)
    if writable_by_others(path):
        shutil.rmtree(path)
        path.mkdir(mode=0o700)
    for entry in path.iterdir():
        found = entry.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            shutil.rmtree(entry) if stat.S_ISDIR(found.st_mode) else entry.unlink()


def publish(folder: Path, destination: Path) -> None:
    """Give a private folder its final name, readable for everyone who can read the folder around it."""
    folder.chmod(stat.S_IMODE(destination.parent.stat().st_mode))
    os.replace(folder, destination)


def writable_by_others(folder: Path) -> bool:
    """Whether another user than ourselves and the administrator may write to a folder; not known on Windows."""
    if os.name == "nt":
        return False
    found = folder.stat()
    return found.st_uid not in (0, os.geteuid()) or bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def refuse_links(*paths: Path) -> None:
    """Stop where a symbolic link is in place of a folder or file of the cache.

    Raises:
        CacheError: one is.
    """
    for path in paths:
        if path.is_symlink():
            raise CacheError(
                f"cache: {path} is a symbolic link, which we never make, to {os.readlink(path)}; remove it, and let "
                "nobody else write to LLM4SEG_HOME."
            )


@contextmanager
def alone(destination: Path) -> Iterator[None]:
    """Let one process at a time work on `destination`; locks of killed processes are free at once."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    lock = destination.with_name(f".{destination.name}.lock")
    refuse_links(lock, destination)
    with FileLock(lock):
        yield
        with suppress(OSError):  # Windows does not delete an open file
            lock.unlink()  # a process that still waits for it finds the folder complete


@contextmanager
def disk_errors(destination: Path) -> Iterator[None]:
    """Sentences for a disk's errors; on a full disk, what was written is removed again."""
    try:
        yield
    except LLM4SegError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            for partial in destination.parent.glob(f".{destination.name}.*.partial"):
                shutil.rmtree(partial, ignore_errors=True)
            raise CacheError(
                f"cache: the disk with {destination.parent} is full ({error.strerror}); the partial download "
                "of the layer was removed. Free some space, or set LLM4SEG_HOME to another disk."
            ) from error
        raise CacheError(
            f"cache: {error.filename or destination.parent} cannot be written ({error.strerror}); set LLM4SEG_HOME to "
            "a folder that you may write to, or give one with --to."
        ) from error
