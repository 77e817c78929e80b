"""Where a study file says that it is trained: GPUs or cores of one machine, or a SLURM cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from nnunet_llm4seg.errors import StudyError, nearest
from nnunet_llm4seg.study.reading import check_keys, take, take_positive

_SLURM_TIME = re.compile(r"(?:(\d+)-)?(\d{1,2}):(\d{2}):(\d{2})")


@dataclass(frozen=True, kw_only=True)
class LocalEngine:
    """Trainings on this machine, one per GPU or per group of GPUs; without GPUs `slots` of them on the CPU.

    Attributes:
        gpus: Indices or UUIDs for CUDA_VISIBLE_DEVICES, or `("mps",)`; empty is the CPU.
        cores: CPU cores shared out over all slots; None is what this process may use.
        gpus_per_training: nnU-Net's `-num_gpus`.
        slots: Trainings at a time on the CPU.
    """

    kind: ClassVar[str] = "local"
    gpus: tuple[int | str, ...] = ()
    cores: int | None = None
    gpus_per_training: int = 1
    slots: int = 1

    @property
    def device(self) -> str:
        if not self.gpus:
            return "cpu"
        return "mps" if self.gpus == ("mps",) else "cuda"


@dataclass(frozen=True, kw_only=True)
class SlurmEngine:
    """Jobs of a SLURM cluster, one per training.

    Attributes:
        gres: As sbatch takes it, `gpu:1`; without it jobs train on the CPU.
        cpus: Cores per job.
        mem: As sbatch takes it, `48G`.
        minutes: The time limit; a job that hits it is requeued and continues.
        parallel: Jobs at a time.
        additional_parameters: Further options of sbatch by their long names, passed through.
    """

    kind: ClassVar[str] = "slurm"
    partition: str | None = None
    gres: str | None = None
    cpus: int = 1
    mem: str | None = None
    minutes: int = 24 * 60
    parallel: int = 20
    gpus_per_training: int = 1
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        return "cuda" if self.gres else "cpu"


Engine = LocalEngine | SlurmEngine


def read_engine(content: Any, where: str) -> Engine:
    """The engine of a study file; without an entry it is the CPU of this machine.

    Raises:
        StudyError: a key or value is not allowed.
    """
    where = f"{where}: engine"
    if not isinstance(content, dict):
        raise StudyError(f"{where}: {content!r} is not allowed; write it as {{kind: local}} or {{kind: slurm}}.")
    kind = take(content, "kind", str, where, "local or slurm")
    rest = {key: value for key, value in content.items() if key != "kind"}
    if kind == "local":
        return _read_local(rest, where)
    if kind == "slurm":
        return _read_slurm(rest, where)
    raise StudyError(f"{where}: kind: there is no {kind!r}{nearest(kind, ('local', 'slurm'))}")


def _read_local(content: dict[str, Any], where: str) -> LocalEngine:
    check_keys(content, [f.name for f in fields(LocalEngine)], where)
    gpus = take(content, "gpus", list, where, "a list such as [0, 1], or omit it for the CPU", [])
    for gpu in gpus:
        if isinstance(gpu, bool) or not isinstance(gpu, (int, str)) or gpus.count(gpu) > 1:
            raise StudyError(f"{where}: gpus: {gpus!r} is not allowed; name each GPU once, such as [0, 1].")
    if "mps" in gpus and gpus != ["mps"]:
        raise StudyError(f"{where}: gpus: {gpus!r} is not allowed; an Apple GPU is written as [mps] alone.")
    per_training = take_positive(content, "gpus_per_training", where, 1)
    if gpus and len(gpus) % per_training:
        raise StudyError(
            f"{where}: gpus_per_training: {len(gpus)} GPUs cannot be shared out in groups of {per_training}."
        )
    if per_training > 1 and (not gpus or gpus == ["mps"]):
        raise StudyError(f"{where}: gpus_per_training: {per_training} needs CUDA GPUs; list them in gpus.")
    if gpus and "slots" in content:
        raise StudyError(f"{where}: slots: only for the CPU; with GPUs there is one training per GPU.")
    return LocalEngine(
        gpus=tuple(gpus),
        cores=take_positive(content, "cores", where, None),
        gpus_per_training=per_training,
        slots=take_positive(content, "slots", where, 1),
    )


def _read_slurm(content: dict[str, Any], where: str) -> SlurmEngine:
    known = ("partition", "gres", "cpus", "mem", "time", "parallel", "gpus_per_training", "additional_parameters")
    check_keys(content, known, where)
    time = take(content, "time", str, where, 'a time limit in quotes, such as "24:00:00"', "24:00:00")
    match = _SLURM_TIME.fullmatch(time)
    if match is None:
        raise StudyError(f'{where}: time: {time!r} is not allowed; write "HH:MM:SS" or "D-HH:MM:SS" in quotes.')
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    parameters = take(content, "additional_parameters", dict, where, "options of sbatch in braces", {})
    for key, value in [*content.items(), *parameters.items()]:
        if not f"{key}{value}".isprintable():  # a line break would begin a command of the job's script
            raise StudyError(f"{where}: {key}: {value!r} is not allowed; write it in one line.")
    per_training = take_positive(content, "gpus_per_training", where, 1)
    gres = take(content, "gres", str, where, 'such as "gpu:1"', None)
    if per_training > 1 and gres is None:
        raise StudyError(f"{where}: gpus_per_training: {per_training} needs gres, such as gpu:{per_training}.")
    return SlurmEngine(
        partition=take(content, "partition", str, where, "the name of a partition", None),
        gres=gres,
        cpus=take_positive(content, "cpus", where, 1),
        mem=take(content, "mem", str, where, "an amount with its unit, such as 48G", None),
        minutes=max(1, days * 24 * 60 + hours * 60 + minutes + (seconds + 59) // 60),
        parallel=take_positive(content, "parallel", where, 20),
        gpus_per_training=per_training,
        additional_parameters=parameters,
    )
