"""Work on many cases in as many processes as cores and memory allow; the processes never load torch."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from nnunet_llm4seg.errors import WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")
# A process with numpy, scipy and nnU-Net's reader, measured on Linux, and a process's bytes per voxel of its largest
# label map: nnU-Net reads float32 (twice while it rounds), and one byte each for reference, prediction and masks.
_PROCESS_BYTES = 160 * 2**20
_BYTES_PER_VOXEL = 14


def worker_count(voxels: int, tasks: int, free: int | None = None) -> int:
    """Number of processes: at most one per core and task, and half of the free memory.

    Args:
        voxels: of the largest label map.
        free: bytes of memory; by default what this machine has available.
    """
    free = available_memory() if free is None else free
    fit = free // 2 // (_PROCESS_BYTES + _BYTES_PER_VOXEL * voxels)
    return max(1, min(_cores(), tasks, fit))


def available_memory() -> int:
    """Bytes that can be used without swapping: of the machine, or of its control group if that allows less."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        found += [max(0, int(limit) - int(used))] if limit.isdigit() else []
    except (OSError, ValueError):
        pass
    return min(found, default=2 * 2**30)  # other systems do not tell: enough for a few processes


def in_processes(
    function: Callable[..., Result], items: Sequence[Item], arguments: Sequence[Any], workers: int
) -> Iterator[Result]:
    """`function(item, *arguments)` of each item, in order, as soon as it is known.

    Raises:
        WorkerError: a process was killed.
    """
    if workers == 1:
        yield from (function(item, *arguments) for item in items)
        return
    same = [[value] * len(items) for value in arguments]
    with _processes(workers) as pool:
        yield from pool.map(function, items, *same, chunksize=max(1, min(8, len(items) // (4 * workers))))


def in_own_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """`function(*arguments)` in a process of its own, whose memory is free afterwards.

    Raises:
        WorkerError: the process was killed.
    """
    with _processes(1) as pool:
        return pool.submit(function, *arguments).result()


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    try:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise WorkerError(
            f"one of {count} processes was killed before its work was done, most often because memory ran out; free"
            " memory, or let fewer of them work at once (`taskset -c 0 llm4seg ...` is one core and so one process),"
            ' and run it again; a script of your own must call this below `if __name__ == "__main__":`.'
        ) from error


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
