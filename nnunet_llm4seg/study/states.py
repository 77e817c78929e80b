"""What each training of a study is doing, read from nnU-Net's files, its locks and its logs."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.nnunet.folds import checkpoint_is_whole, is_done
from nnunet_llm4seg.nnunet.lengths import planned_epochs
from nnunet_llm4seg.nnunet.logs import read_training_log
from nnunet_llm4seg.nnunet.names import FINAL_CHECKPOINT
from nnunet_llm4seg.study import attempts
from nnunet_llm4seg.study.locks import is_held
from nnunet_llm4seg.study.trainings import Training

WAITING, QUEUED, RUNNING, DONE, FAILED, CANCELLED = "waiting", "queued", "running", "done", "failed", "cancelled"
STATES = (WAITING, QUEUED, RUNNING, DONE, FAILED, CANCELLED)


@dataclass(frozen=True, kw_only=True)
class State:
    """One training's state.

    Attributes:
        epoch: Epochs that are finished.
        epochs: All epochs.
        seconds_per_epoch: Mean over the last five.
        eta_s: Seconds to the end of its last epoch, while it runs.
        validating: It is past its last epoch.
        fault: The error of its last attempt.
        given_up: The same fault occurred three times; only `retry` makes it try again.
        where: Host and process, while it runs.
    """

    name: str
    epoch: int = 0
    epochs: int
    seconds_per_epoch: float | None = None
    eta_s: float | None = None
    validating: bool = False
    fault: str = ""
    given_up: bool = False
    where: str = ""


def lock_of(training: Training) -> Path:
    return training.folder / "lock"


def cancel_mark(training: Training) -> Path:
    """Exists while the training is cancelled; its process looks for it."""
    return training.folder / "cancelled"


def job_of(training: Training) -> str | None:
    """The SLURM job in which it was submitted last, or None."""
    try:
        return (training.folder / "job").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def holder_of(training: Training) -> dict[str, Any]:
    """Who trains it, or did so last: `host`, `pid`, `group`; empty if nobody did or the file is unreadable."""
    try:
        content = json.loads((training.folder / "holder.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_finished(training: Training) -> bool:
    return is_done(training.fold_folder, training.cases, training.data.ending)


def state_of(training: Training, epochs: int | str, queued: Collection[str] = ()) -> State:
    """The state of one training.

    Args:
        epochs: The study's.
        queued: Ids of jobs that SLURM has not ended.
    """
    total = planned_epochs(epochs)
    if is_finished(training):
        return State(name=DONE, epoch=total, epochs=total)
    log = read_training_log(training.fold_folder)
    made = attempts.read_attempts(training)
    last = made[-1] if made else None
    common: dict[str, Any] = {"epoch": min(log.epochs, total), "epochs": total}
    if is_held(lock_of(training)):
        rate, who = log.recent_seconds(), holder_of(training)
        return State(
            name=RUNNING,
            **common,
            seconds_per_epoch=rate,
            eta_s=None if rate is None else rate * (total - common["epoch"]),
            validating=common["epoch"] == total and checkpoint_is_whole(training.fold_folder / FINAL_CHECKPOINT),
            where=f"{who.get('host', '?')}:{who.get('pid', '?')}",
        )
    fault = last.fault if last is not None and last.outcome == attempts.FAILED else ""
    common |= {"fault": fault, "given_up": attempts.given_up(made)}
    if cancel_mark(training).exists():
        return State(name=CANCELLED, **common)
    if job_of(training) in queued:
        return State(name=QUEUED, **common)
    return State(name=FAILED if fault else WAITING, **common)


def count(states: Sequence[State]) -> dict[str, int]:
    """Number of trainings in each state, zeros included."""
    return {name: sum(state.name == name for state in states) for name in STATES}
