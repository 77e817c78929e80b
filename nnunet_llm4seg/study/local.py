"""The engine of one machine: as many trainings at a time as there are GPUs, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.study import attempts, process, states
from nnunet_llm4seg.study.engines import LocalEngine
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.trainings import Training

ATTEMPTS_PER_RUN = 3
_POLL_S, _RECHECK_S = 0.1, 2.0
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Slot:
    """A share of the machine: GPUs, or cores without a GPU."""

    name: str
    gpus: tuple[int | str, ...]
    cores: tuple[int, ...]
    pin: bool

    def variables(self) -> dict[str, str]:
        """Variables that keep trainings side by side from starving each other; what the user has set is kept."""
        count = len(self.cores)
        found = {
            "nnUNet_n_proc_DA": str(max(1, count - 1)),
            "nnUNet_def_n_proc": str(max(1, count - 1)),
            "OMP_NUM_THREADS": str(1 if self.gpus else count),
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHON_CPU_COUNT": str(count),
        }
        found = {name: value for name, value in found.items() if name not in os.environ}
        if self.gpus and self.gpus != ("mps",):
            found["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.gpus))
        return found


def slots_of(engine: LocalEngine) -> list[Slot]:
    """One slot per GPU or group of GPUs, else `slots` on the CPU; cores are shared out evenly."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    cores = there[: engine.cores] if engine.cores else there
    size = engine.gpus_per_training
    groups = [engine.gpus[i : i + size] for i in range(0, len(engine.gpus), size)] or [()] * engine.slots
    share = max(1, len(cores) // len(groups))
    # without a GPU nnU-Net uses one thread per core of the machine, whatever OMP_NUM_THREADS says
    pin = not engine.gpus and hasattr(os, "sched_setaffinity") and len(cores) >= len(groups) and cores != there
    pin = pin or (not engine.gpus and hasattr(os, "sched_setaffinity") and len(cores) >= len(groups) > 1)
    return [
        Slot(
            f"gpu_{'_'.join(map(str, gpus))}" if gpus else f"cpu_{i}",
            gpus,
            tuple(cores[i * share : (i + 1) * share]) or tuple(cores[:1]),
            pin,
        )
        for i, gpus in enumerate(groups)
    ]


class Pool:
    """Trains what is not done. Trainings that another launcher trains are waited for, and taken over if it dies."""

    def __init__(self, study: Study, engine: LocalEngine, say: Callable[[str], None]) -> None:
        self.study, self.say = study, say
        self.slots = slots_of(engine)
        self.busy: dict[str, tuple[subprocess.Popen, Training, float]] = {}
        self.blocked: dict[str, float] = {}
        self.elsewhere: list[Training] = []
        self.tried: Counter[str] = Counter()
        self.waiting: deque[Training] = deque()

    def run(self, trainings: Sequence[Training]) -> None:
        """Train all that are not done, cancelled or given up; return when nothing more can be done."""
        self.waiting = deque(training for training in trainings if self._wanted(training))
        recheck = 0.0
        try:
            while self.waiting or self.busy or self.elsewhere:
                for slot in self.slots:
                    self._collect(slot)
                    self._fill(slot)
                if self.elsewhere and time.monotonic() >= recheck:
                    self._look_elsewhere()
                    recheck = time.monotonic() + _RECHECK_S
                time.sleep(_POLL_S)
        finally:
            self._end()

    def _wanted(self, training: Training) -> bool:
        if states.is_finished(training) or states.cancel_mark(training).exists():
            return False
        return not attempts.given_up(attempts.read_attempts(training))

    def _fill(self, slot: Slot) -> None:
        if slot.name in self.busy or not self.waiting or self.blocked.get(slot.name, 0.0) > time.monotonic():
            return
        training = self.waiting.popleft()
        if not self._wanted(training):
            return
        if states.is_held(states.lock_of(training)):
            self.say(f"is trained elsewhere ({_who(training)}): {training.key}")
            self.elsewhere.append(training)
            return
        words = [sys.executable, "-m", process.__name__, str(self.study.folder), training.key]
        words += ["--slot", str(self._lock(slot))]
        if slot.pin:
            words += ["--cores", ",".join(map(str, slot.cores))]
        training.folder.mkdir(parents=True, exist_ok=True)
        with (training.folder / "process.log").open("ab") as log:
            child = subprocess.Popen(
                words,
                env={**os.environ, **slot.variables()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.busy[slot.name] = (child, training, time.monotonic())

    def _lock(self, slot: Slot) -> Path:
        return self.study.folder / "slots" / f"{socket.gethostname()}_{slot.name}.lock"

    def _collect(self, slot: Slot) -> None:
        if slot.name not in self.busy:
            return
        child, training, began = self.busy[slot.name]
        code = child.poll()
        if code is None:
            return
        del self.busy[slot.name]
        took = f"{(time.monotonic() - began) / 60:.1f} min"
        if code == 0:
            self.say(f"done: {training.key} ({took})")
        elif code == process.HELD:
            self.say(f"is trained elsewhere ({_who(training)}): {training.key}")
            self.elsewhere.append(training)
        elif code == process.SLOT_BUSY:
            if slot.name not in self.blocked:
                self.say(f"{slot.name} is in use by another launcher of this study; it is taken when it is free")
            self.blocked[slot.name] = time.monotonic() + _RECHECK_S
            self.waiting.appendleft(training)
        elif code == process.STOPPED and states.cancel_mark(training).exists():
            self.say(f"cancelled: {training.key}")
        else:
            self._again(training, code, took)

    def _again(self, training: Training, code: int, took: str) -> None:
        """Try a failed training again after all others, unless it has failed often enough."""
        self.tried[training.key] += 1
        made = attempts.read_attempts(training)
        fault = made[-1].fault if made and made[-1].outcome == attempts.FAILED else ""
        if not fault:
            fault = "its process was killed" if code < 0 else attempts.fault_in(training.folder / "process.log")
        if attempts.given_up(made):
            self.say(f"failed {attempts.SAME_FAULT_LIMIT} times alike, not tried again: {training.key}: {fault}")
        elif self.tried[training.key] >= ATTEMPTS_PER_RUN:
            self.say(f"failed {ATTEMPTS_PER_RUN} times, not tried again in this run: {training.key}: {fault}")
        else:
            self.say(f"failed ({took}), tried again after the others: {training.key}: {fault}")
            self.waiting.append(training)

    def _look_elsewhere(self) -> None:
        """Take back trainings that no process trains any more and that are not done."""
        for training in list(self.elsewhere):
            if states.is_finished(training):
                self.say(f"done elsewhere: {training.key}")
            elif states.is_held(states.lock_of(training)):
                continue
            elif self._wanted(training):
                self.waiting.append(training)
            self.elsewhere.remove(training)

    def _end(self) -> None:
        """Stop what this launcher started, if it is interrupted; `run` continues from the checkpoints."""
        for child, _, _ in self.busy.values():
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        for child, _, _ in self.busy.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))


def _who(training: Training) -> str:
    holder = states.holder_of(training)
    return f"{holder.get('host', 'unknown host')}, process {holder.get('pid', 'unknown')}"
