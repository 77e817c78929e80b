"""Attempts at a training: one log each, whose last line says how it ended. Nothing else is known of failures."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.study.trainings import Training

SAME_FAULT_LIMIT = 3
DONE, FAILED, STOPPED = "done", "failed", "stopped"
_END = re.compile(r"^llm4seg study: (done|failed|stopped) after (\d+) s(?:: (.*))?$")
_ERROR = re.compile(r"^(?:llm4seg: |[\w.]*(?:Error|Exception|Exit|Interrupt)\b)")
_TAIL = 1 << 14  # bytes


@dataclass(frozen=True)
class Attempt:
    """One attempt. `outcome` and `seconds` are None if it was killed before they could be written, or still runs."""

    log: Path
    outcome: str | None
    fault: str
    seconds: int | None


def log_of(training: Training) -> Path:
    """The log of the next attempt; numbers continue after those that `retry` set aside."""
    numbers = [int(path.stem.rpartition("_")[2]) for path in training.folder.rglob("attempt_*.log")]
    return training.folder / f"attempt_{max(numbers, default=0) + 1:03d}.log"


def end_line(outcome: str, seconds: float, fault: str = "") -> str:
    return f"llm4seg study: {outcome} after {seconds:.0f} s{': ' + fault if fault else ''}\n"


def read_attempts(training: Training) -> list[Attempt]:
    """The attempts since the last `retry`, oldest first."""
    return [_read(path) for path in sorted(training.folder.glob("attempt_*.log"))]


def given_up(attempts: Sequence[Attempt]) -> bool:
    """Whether the same fault occurred three times in a row; attempts that were stopped or killed do not count."""
    faults = [_kind(attempt.fault) for attempt in attempts if attempt.outcome == FAILED][-SAME_FAULT_LIMIT:]
    return len(faults) == SAME_FAULT_LIMIT and len(set(faults)) == 1


def without_progress(training: Training) -> int:
    """Number of attempts in a row, up to the one that runs, that were stopped before nnU-Net wrote a checkpoint."""
    newest = max((path.stat().st_mtime for path in training.fold_folder.glob("checkpoint_*.pth")), default=None)
    stopped = [attempt.log.stat().st_mtime for attempt in read_attempts(training) if attempt.outcome == STOPPED]
    if newest is None:
        return len(stopped) + 1
    return sum(ended >= newest for ended in stopped)  # the first of these wrote it, the one that runs did not


def fault_in(log: Path) -> str:
    """The line of a log that says what went wrong: the last one that names an error, else the last one."""
    lines = [line.strip() for line in _tail(log) if line.strip() and not _END.match(line)]
    errors = [line for line in lines if _ERROR.match(line)]
    return (errors or lines or ["nothing was printed"])[-1][:500]


def set_aside(training: Training) -> int:
    """Move the logs of all attempts into `earlier/`, so that faults are counted anew; returns how many."""
    logs = sorted(training.folder.glob("attempt_*.log"))
    for log in logs:
        (training.folder / "earlier").mkdir(exist_ok=True)
        log.replace(training.folder / "earlier" / log.name)
    return len(logs)


def _read(log: Path) -> Attempt:
    lines = _tail(log)
    match = _END.match(lines[-1]) if lines else None
    return Attempt(log, match[1], match[3] or "", int(match[2])) if match else Attempt(log, None, "", None)


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _kind(fault: str) -> str:
    """A fault without its numbers: two shortages of memory are the same kind, whatever the megabytes."""
    return re.sub(r"0x[0-9a-f]+|\d+", "#", fault)
