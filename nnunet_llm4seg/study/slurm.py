"""The engine of a SLURM cluster, through submitit: an array of jobs, each of which continues after a time limit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import SlurmError, StudyError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.study import attempts, process, states
from nnunet_llm4seg.study.engines import SlurmEngine
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import open_study
from nnunet_llm4seg.study.trainings import Training, find, list_trainings

_REQUEUES = 1000  # a time limit is no failure: a long training hits it many times
_FRUITLESS_LIMIT = 3  # but without a new checkpoint in between it would hit it for ever


class Job:
    """One training as submitit calls it; if SLURM ends it at its time limit or for another job, it is queued again."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key

    def __call__(self) -> None:
        _set_threads()
        code = process.run_one(open_study(self.folder), self.key)
        if code not in (0, process.HELD):
            raise SystemExit(code)

    def checkpoint(self) -> Any:
        """What is submitted again; the training continues from nnU-Net's last checkpoint.

        Raises:
            StudyError: it was ended several times before there was a new one, so that it would never end.
        """
        import submitit

        # SLURM's end of the job may follow at once, and must not prevent the requeueing that comes after this
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ended = attempts.without_progress(find(list_trainings(open_study(self.folder)), self.key))
        if ended >= _FRUITLESS_LIMIT:
            raise StudyError(
                f"SLURM ended it {ended} times in a row before nnU-Net wrote a checkpoint (every 50 epochs, and where "
                "the pseudo Dice rises); raise `time:` of `engine:` in the study file, and run again with --amend."
            )
        return submitit.helpers.DelayedSubmission(self)


class Preparation:
    """What all trainings share, prepared by a job of its own; the trainings depend on this job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self) -> None:
        from nnunet_llm4seg.study.prepare import prepare

        prepare(open_study(self.folder))

    def checkpoint(self) -> Any:
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def submit(
    study: Study,
    engine: SlurmEngine,
    trainings: Sequence[Training],
    prepare_first: bool,
    say: Callable[[str], None],
) -> None:
    """Submit what is not done, running, queued, cancelled or given up; no process remains on this machine.

    Args:
        prepare_first: Submit a job that prepares the study, and make the trainings wait for it.

    Raises:
        StudyError: submitit or SLURM is missing, or refuses.
    """
    queued = queued_jobs()
    wanted = [training for training in trainings if _wanted(training, study, queued)]
    if not wanted:
        say("nothing is to be submitted")
        return
    executor = _executor(study, engine, {})
    try:
        if prepare_first:
            job = executor.submit(Preparation(study.folder.resolve()))
            say(f"submitted job {job.job_id}, which prepares the study; the trainings wait for it")
            executor = _executor(study, engine, {"dependency": f"afterok:{job.job_id}", "kill-on-invalid-dep": "yes"})
        with executor.batch():
            jobs = [executor.submit(Job(study.folder.resolve(), training.key)) for training in wanted]
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise StudyError(f"SLURM did not take the jobs ({reason}); correct `engine:` in the study file.") from error
    for training, job in zip(wanted, jobs, strict=True):
        training.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(training.folder / "job") as part:
            part.write_text(f"{job.job_id}\n", encoding="utf-8")
    say(f"submitted {len(jobs)} jobs, {jobs[0].job_id} to {jobs[-1].job_id}, at most {engine.parallel} at a time")
    say("follow them with `llm4seg study status`")


def queued_jobs() -> set[str]:
    """Ids of the jobs of this user that SLURM has not ended.

    Raises:
        SlurmError: this machine does not know the queue: it has no squeue, or SLURM does not answer.
    """
    if shutil.which("squeue") is None:
        raise SlurmError("there is no squeue on this machine; run this on the cluster's login node.")
    words = ["squeue", "--noheader", "--array", "--format=%i", "--me"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SlurmError(f"squeue failed ({reason}); try again when SLURM answers.")
    ids = (line.strip() for line in done.stdout.splitlines())
    return {job for job in ids if job}


def _wanted(training: Training, study: Study, queued: set[str]) -> bool:
    state = states.state_of(training, study.epochs, queued)
    return state.name in (states.WAITING, states.FAILED) and not attempts.given_up(attempts.read_attempts(training))


def _executor(study: Study, engine: SlurmEngine, more: Mapping[str, Any]) -> Any:
    try:
        import submitit
    except ImportError as error:
        raise StudyError(
            "engine: slurm needs submitit; install it with `pip install 'nnunet-llm4seg[slurm]'`."
        ) from error
    if shutil.which("sbatch") is None:
        raise StudyError("engine: slurm: there is no sbatch on this machine; run this on the cluster's login node.")
    executor = submitit.SlurmExecutor(folder=study.folder / "jobs" / "%j", max_num_timeout=_REQUEUES)
    options = {"partition": engine.partition, "gres": engine.gres, "mem": engine.mem}
    executor.update_parameters(
        job_name=study.name,
        time=engine.minutes,
        cpus_per_task=engine.cpus,
        array_parallelism=engine.parallel,
        additional_parameters={"requeue": True, **engine.additional_parameters, **more},
        **{key: value for key, value in options.items() if value is not None},
    )
    return executor


def _set_threads() -> None:
    """Cores of the job for data workers and, on the CPU, for torch; what the user has set is kept."""
    cores = len(os.sched_getaffinity(0))
    count = min(cores, int(os.environ.get("SLURM_CPUS_PER_TASK", cores)))
    os.environ.setdefault("nnUNet_n_proc_DA", str(max(1, count - 1)))
    os.environ.setdefault("nnUNet_def_n_proc", str(max(1, count - 1)))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
