"""`retry` and `cancel`: marks in the study's folder, which every machine with access to it obeys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from nnunet_llm4seg.study import attempts, states
from nnunet_llm4seg.study.trainings import Training


def cancel(trainings: Sequence[Training]) -> list[Training]:
    """Stop the trainings that run or are queued, and prevent all that are not done from being started.

    Returns:
        Those that are now cancelled. The process of a running one ends within seconds; its checkpoints are kept.
    """
    marked = [training for training in trainings if not states.is_finished(training)]
    for training in marked:
        training.folder.mkdir(parents=True, exist_ok=True)
        states.cancel_mark(training).touch()
    jobs = [job for job in map(states.job_of, marked) if job]
    if jobs and shutil.which("scancel"):
        subprocess.run(["scancel", *jobs], check=False)
    return marked


def retry(trainings: Sequence[Training]) -> list[Training]:
    """Let trainings that failed or were cancelled be tried again; the logs of their attempts move to `earlier/`.

    Returns:
        Those to which that applies.
    """
    freed = []
    for training in trainings:
        if states.is_finished(training) or states.is_held(states.lock_of(training)):
            continue
        mark = states.cancel_mark(training)
        failed = any(attempt.outcome == attempts.FAILED for attempt in attempts.read_attempts(training))
        if failed or mark.exists():
            with suppress(FileNotFoundError):
                mark.unlink()
            attempts.set_aside(training)
            freed.append(training)
    return freed
