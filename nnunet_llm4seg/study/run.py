"""`run`: settle the file, prepare, say what is to come, and hand the trainings to the engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection, Sequence

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import checks, process
from nnunet_llm4seg.study.engines import LocalEngine
from nnunet_llm4seg.study.estimate import describe, estimate
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import settle
from nnunet_llm4seg.study.local import Pool, slots_of
from nnunet_llm4seg.study.prepare import missing
from nnunet_llm4seg.study.states import CANCELLED, DONE, State, count, state_of
from nnunet_llm4seg.study.trainings import Training, arm_plans, arm_trainer, list_trainings, read_data

Say = Callable[[str], None]


def states_by_key(study: Study, trainings: Sequence[Training], queued: Collection[str] = ()) -> dict[str, State]:
    """The state of each training."""
    return {training.key: state_of(training, study.epochs, queued) for training in trainings}


def describe_plan(study: Study, say: Say) -> None:
    """Describe what `run` would do, and change nothing.

    Raises:
        LLM4SegError: the file, a data set or this machine does not allow it.
    """
    data = read_data(study)
    trainings = list_trainings(study, data)
    found = states_by_key(study, trainings)
    say(f"study {study.name}, sha256 {study.sha256[:12]}, in {study.folder}")
    say(f"data: {', '.join(f'{each.name} {each.configuration}' for each in data)}")
    for i, arm in enumerate(study.arms):
        fields = (
            "nnU-Net's own network" if arm.fields is None else ", ".join(f"{k} {v}" for k, v in arm.fields.items())
        )
        role = " (baseline)" if i == 0 else ""
        say(f"arm {arm.name}{role}: {fields}; {arm_trainer(study, arm)}, {arm_plans(study, arm)}")
    say(f"claims, in this order: {', '.join(map(str, study.ordered_claims)) or 'each arm against the first'}")
    for line in missing(study):
        say(f"first: {line}")
    numbers = count(list(found.values()))
    say(f"{len(trainings)} trainings: " + ", ".join(f"{number} {name}" for name, number in numbers.items() if number))
    for training in trainings:
        if found[training.key].name != DONE:
            say(f"  {training.key}")
    expected = estimate(trainings, found, study.epochs)
    say(describe(expected, _at_a_time(study)))
    checks.check_gpus(study)
    warning = checks.check_disk(study, expected)
    if warning:
        say(f"warning: {warning}")


def run_study(study: Study, say: Say, *, amend: bool = False) -> list[State]:
    """Train what is not done, and return the states at the end.

    Args:
        amend: Take a changed file for the same study.

    Raises:
        LLM4SegError: something that every training needs is missing; nothing was trained.
    """
    settle(study, amend)
    first = missing(study)
    for line in first:
        say(f"first: {line}")
    local = isinstance(study.engine, LocalEngine)
    if first and local:
        _prepare(study)
    trainings = list_trainings(study)
    found = states_by_key(study, trainings)
    checks.check_gpus(study)
    if local or not first:
        checks.check_data([training for training in trainings if found[training.key].name != DONE])
    expected = estimate(trainings, found, study.epochs)
    warning = checks.check_disk(study, expected)
    numbers = count(list(found.values()))
    say(f"{len(trainings)} trainings in {study.folder}, {numbers[DONE]} are done")
    say(describe(expected, _at_a_time(study)))
    if warning:
        say(f"warning: {warning}")
    for key, state in found.items():
        if state.given_up:
            say(f"failed three times alike, not tried again before `llm4seg study retry`: {key}: {state.fault}")
    if numbers[CANCELLED]:
        say(f"{numbers[CANCELLED]} are cancelled; `llm4seg study retry` lets them train again.")
    if isinstance(study.engine, LocalEngine):
        Pool(study, study.engine, say).run(trainings)
        return list(states_by_key(study, trainings).values())
    from nnunet_llm4seg.study.slurm import submit

    submit(study, study.engine, trainings, bool(first), say)
    return list(states_by_key(study, trainings, queued(study)).values())


def queued(study: Study) -> set[str]:
    """Ids of the jobs that SLURM has not ended; none for other engines.

    Raises:
        SlurmError: this machine does not know the queue.
    """
    if isinstance(study.engine, LocalEngine):
        return set()
    from nnunet_llm4seg.study.slurm import queued_jobs

    return queued_jobs()


def _prepare(study: Study) -> None:
    """Prepare in a process of its own, which alone needs torch.

    Raises:
        StudyError: that failed.
    """
    words = [sys.executable, "-m", process.__name__, str(study.folder), "--prepare"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("llm4seg: ")
        raise StudyError(f"the study cannot be prepared: {reason}")


def _at_a_time(study: Study) -> int:
    return len(slots_of(study.engine)) if isinstance(study.engine, LocalEngine) else study.engine.parallel
