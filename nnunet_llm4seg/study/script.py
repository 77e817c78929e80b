"""`script`: the trainings as a script for a scheduler that the study does not drive itself."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from nnunet_llm4seg.errors import StudyError, nearest
from nnunet_llm4seg.nnunet.environment import FOLDERS
from nnunet_llm4seg.study import process
from nnunet_llm4seg.study.engines import SlurmEngine
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.trainings import Training

KINDS = ("sbatch", "lsf", "bash")


def script(study: Study, trainings: Sequence[Training], kind: str) -> str:
    """A script that trains all of `trainings`, prepared before the first, each under its lock.

    Args:
        kind: `sbatch` and `lsf` make an array, one job per training; `bash` trains one after the other.

    Raises:
        StudyError: there is no such kind.
    """
    if kind not in KINDS:
        raise StudyError(f"--for: there is no {kind!r}{nearest(kind, KINDS)}")
    one = shlex.join([sys.executable, "-m", process.__name__, str(study.folder.resolve())])
    lines = ["#!/usr/bin/env bash", *_head(study, len(trainings), kind)]
    lines += [
        f"export {name}={shlex.quote(os.environ[name])}"
        for name in FOLDERS
        if name in os.environ and "results" not in name
    ]
    lines += ["trainings=(", *(f"    {shlex.quote(training.key)}" for training in trainings), ")"]
    lines += [f"{one} --prepare || exit"]  # what exists already is not made again
    if kind == "bash":
        lines += ["failed=0", 'for training in "${trainings[@]}"; do', f'    {one} "$training" || failed=1', "done"]
        lines += ["exit $failed"]
    else:
        index = "$SLURM_ARRAY_TASK_ID" if kind == "sbatch" else "$((LSB_JOBINDEX - 1))"
        lines += [f'{one} "${{trainings[{index}]}}"']
    return "\n".join(lines) + "\n"


def _head(study: Study, count: int, kind: str) -> list[str]:
    engine = study.engine if isinstance(study.engine, SlurmEngine) else None
    parallel = engine.parallel if engine else 1
    logs = study.folder.resolve() / "logs"
    if not str(logs).isprintable():
        raise StudyError(f"folder: {str(study.folder)!r} is not allowed in a script; give a name in one line.")
    if kind == "sbatch":
        options = [f"job-name={study.name}", f"array=0-{count - 1}%{parallel}", f"output={logs}/%A_%a.out", "requeue"]
        if engine:
            options += [f"cpus-per-task={engine.cpus}", f"time={engine.minutes}"]
            options += [f"{key}={value}" for key, value in _resources(engine).items()]
        return [f"#SBATCH --{option}" for option in options]
    if kind == "lsf":
        options = [f'-J "{study.name}[1-{count}]%{parallel}"', f"-o {logs}/%J_%I.out", "-r"]
        if engine:
            options += [f"-n {engine.cpus}", f"-W {engine.minutes}"]
        return [f"#BSUB {option}" for option in options]
    return []


def _resources(engine: SlurmEngine) -> dict[str, object]:
    named = {"partition": engine.partition, "gres": engine.gres, "mem": engine.mem}
    return {key: value for key, value in named.items() if value is not None} | dict(engine.additional_parameters)
