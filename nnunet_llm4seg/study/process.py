"""The process of one training: it holds the fold's lock, runs nnU-Net's own command, and says in the log how it ended.

Run as `python -m nnunet_llm4seg.study.process FOLDER KEY`; every engine starts trainings in this way, and
`FOLDER --prepare` prepares them.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from nnunet_llm4seg.demo.process import stop_group
from nnunet_llm4seg.errors import LLM4SegError, StudyError
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.nnunet.environment import with_trainers
from nnunet_llm4seg.nnunet.folds import resume_options, set_torn_aside
from nnunet_llm4seg.study import attempts, states
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import open_study
from nnunet_llm4seg.study.locks import HeldElsewhereError, held
from nnunet_llm4seg.study.trainings import Training, find, list_trainings

# exit codes; 0 is done
FAILED, UNUSABLE, HELD, SLOT_BUSY, STOPPED = 1, 2, 75, 76, 130
_TAG = "LLM4SEG_STUDY_TRAINING"
_CANCEL_POLL_S = 1.0


class _Stopped(BaseException):
    """This process was asked to end."""


def train(study: Study, training: Training, slot: Path | None = None) -> int:
    """Train one fold if no other process trains it and it is not done.

    Args:
        slot: Lock of the GPU or the cores that it uses.

    Returns:
        An exit code of this module.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(states.lock_of(training)))
        except HeldElsewhereError:
            return HELD
        try:
            if slot is not None:
                stack.enter_context(held(slot))
        except HeldElsewhereError:
            return SLOT_BUSY
        if states.is_finished(training):
            return 0
        if states.cancel_mark(training).exists():
            return STOPPED
        _end_leftovers(training)
        return _attempt(study, training)


def command(study: Study, training: Training, program: str = "nnUNetv2_train") -> list[str]:
    """nnU-Net's own command, which continues from the state of the fold's folder."""
    words = [program, training.data.name, training.data.configuration, str(training.fold)]
    words += ["-tr", training.trainer, "-p", training.plans, "-device", study.engine.device]
    if study.engine.gpus_per_training > 1:
        words += ["-num_gpus", str(study.engine.gpus_per_training)]
    return words + resume_options(training.fold_folder)


def variables(study: Study, training: Training) -> dict[str, str]:
    """The variables of a training's command, in addition to those of this process."""
    return {
        "nnUNet_results": str(training.results),
        "nnUNet_extTrainer": with_trainers(os.environ.get("nnUNet_extTrainer")),
        # for nnU-Net's W&B logger, which is off unless nnUNet_wandb_enabled is set
        "WANDB_NAME": f"{training.data.name} {training.arm.name} fold {training.fold} run {training.run}",
        "WANDB_RUN_GROUP": study.name,
        "PYTHONUNBUFFERED": "1",
        _TAG: _identity(training),
    }


def _attempt(study: Study, training: Training) -> int:
    began = time.monotonic()
    training.results.mkdir(parents=True, exist_ok=True)
    log = attempts.log_of(training)
    torn = set_torn_aside(training.fold_folder)
    words = command(study, training)
    outcome, fault = attempts.STOPPED, "the process was asked to end"
    try:
        with log.open("ab") as file:
            for path in torn:
                file.write(f"llm4seg study: a checkpoint was not written to its end; it is now {path}\n".encode())
            file.write(f"$ {' '.join(words)}\n".encode())
            file.flush()
            code = _run(study, training, words, file.fileno())
        outcome, fault = _judge(training, code, log)
    except StudyError as error:  # the engine's answer to a signal
        outcome, fault = attempts.FAILED, str(error)
    except OSError as error:
        outcome, fault = attempts.FAILED, f"{type(error).__name__}: {error}"
    finally:
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write("\n" + attempts.end_line(outcome, time.monotonic() - began, fault))
    return 0 if outcome == attempts.DONE else FAILED


def _judge(training: Training, code: int, log: Path) -> tuple[str, str]:
    if code == 0 and states.is_finished(training):
        return attempts.DONE, ""
    if code == 0:
        return attempts.FAILED, "nnU-Net ended without a complete validation/summary.json and a whole final checkpoint"
    reason = attempts.fault_in(log)
    return attempts.FAILED, f"killed by signal {-code}; last line: {reason}" if code < 0 else reason


def _run(study: Study, training: Training, words: list[str], output: int) -> int:
    program = shutil.which(words[0], path=str(Path(sys.executable).parent)) or words[0]
    process = subprocess.Popen(
        [program, *words[1:]],
        env={**os.environ, **variables(study, training)},
        cwd=study.base if study.base.is_dir() else study.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_begin_child,
    )
    try:
        write_json(
            training.folder / "holder.json",
            {"host": socket.gethostname(), "pid": os.getpid(), "group": process.pid},
        )
        return process.wait()
    finally:
        stop_group(process)


def _begin_child() -> None:
    """Let nnU-Net ignore what SLURM sends to all processes of a job, and die if this process is killed.

    SLURM announces a time limit by a signal, and this process answers it; if nnU-Net died of it first, the training
    would count as failed. If this process is killed, the lock is free and another would train the same fold.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _end_leftovers(training: Training) -> None:
    """Kill the processes that a killed holder of the lock left on this machine: data workers outlive their parents."""
    holder = states.holder_of(training)
    if holder.get("host") != socket.gethostname() or sys.platform != "linux":
        return
    mark = f"{_TAG}={_identity(training)}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(folder.name) != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def _identity(training: Training) -> str:
    return f"{training.root.resolve()}:{training.key}"


def _watch(training: Training) -> None:
    """End this process once the training is cancelled, from any machine."""
    while not states.cancel_mark(training).exists():
        time.sleep(_CANCEL_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # only once: what follows is the orderly end
    raise _Stopped


def main() -> int:
    """Train or prepare; errors that a user can fix are one sentence."""
    parser = argparse.ArgumentParser(description="One training of a study.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("key", nargs="?")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--slot", type=Path)
    parser.add_argument("--cores", help="such as 0,1,2")
    given = parser.parse_args()
    try:
        study = open_study(given.folder)
        if given.prepare:
            from nnunet_llm4seg.study.prepare import prepare

            prepare(study)
            return 0
        if given.key is None:
            raise StudyError("name a training, such as run_1/Dataset001_X/vanilla/fold_0.")
        if given.cores:
            os.sched_setaffinity(0, {int(core) for core in given.cores.split(",")})
        return run_one(study, given.key, given.slot)
    except LLM4SegError as error:
        print(f"llm4seg: {error}", file=sys.stderr)
        return UNUSABLE


def run_one(study: Study, key: str, slot: Path | None = None) -> int:
    """`train` by key, ended in order by SIGTERM, SIGINT or a cancellation.

    Raises:
        LLM4SegError: there is no such training, or it is not prepared.
    """
    training = find(list_trainings(study), key)
    if not training.cases:
        raise StudyError(f"{training.data.name} is not prepared; run `llm4seg study run`, which does so first.")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    threading.Thread(target=_watch, args=(training,), daemon=True).start()
    try:
        return train(study, training, slot)
    except _Stopped:
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
