"""Hours and disk that remain, measured on the trainings of this study that are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from nnunet_llm4seg.nnunet.lengths import planned_epochs
from nnunet_llm4seg.nnunet.logs import read_training_log
from nnunet_llm4seg.study.states import DONE, State
from nnunet_llm4seg.study.trainings import Training

# nnU-Net's 2D and 3D U-Nets have about 30 million parameters; two checkpoints contain each with its momentum
ASSUMED_BYTES = 500_000_000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What remains.

    Attributes:
        trainings: Number of those that are not done.
        hours: With one slot; None until an epoch of this study has been timed.
        measured_on: Number of trainings whose epochs were timed.
        bytes_per_training: The mean over those that are done, else an assumption.
        assumed_bytes: Whether `bytes_per_training` is an assumption.
    """

    trainings: int
    hours: float | None
    measured_on: int
    bytes_per_training: int
    assumed_bytes: bool

    @property
    def bytes(self) -> int:
        return self.trainings * self.bytes_per_training


def estimate(trainings: Sequence[Training], states: Mapping[str, State], epochs: int | str) -> Estimate:
    """Estimate from the logs and folders of what was trained; validation is not in nnU-Net's epoch times.

    Args:
        states: By key.
        epochs: The study's.
    """
    rates: dict[str, float] = {}
    for training in trainings:
        log = read_training_log(training.fold_folder)
        if log.seconds:
            rates[training.key] = mean(log.seconds.values())
    timed = [training for training in trainings if training.key in rates]
    left = [training for training in trainings if states[training.key].name != DONE]
    seconds: float | None = 0.0
    for training in left:
        rate = _rate(training, timed, rates)
        remaining = planned_epochs(epochs) - states[training.key].epoch
        seconds = None if rate is None or seconds is None else seconds + rate * remaining
    sizes = [_size(training) for training in trainings if states[training.key].name == DONE]
    return Estimate(
        trainings=len(left),
        hours=None if seconds is None else seconds / 3600,
        measured_on=len(timed),
        bytes_per_training=int(mean(sizes)) if sizes else ASSUMED_BYTES,
        assumed_bytes=not sizes,
    )


def _rate(training: Training, timed: Sequence[Training], rates: Mapping[str, float]) -> float | None:
    """Seconds per epoch of the same arm and data, else of the same data, else of any."""
    alike: list[Callable[[Training], bool]] = [
        lambda other: (other.arm.name, other.data.name) == (training.arm.name, training.data.name),
        lambda other: other.data.name == training.data.name,
        lambda other: True,
    ]
    for fits in alike:
        found = [rates[other.key] for other in timed if fits(other)]
        if found:
            return mean(found)
    return None


def _size(training: Training) -> int:
    return sum(path.stat().st_size for path in training.fold_folder.rglob("*") if path.is_file())


def describe(found: Estimate, slots: int) -> str:
    """The estimate as a sentence."""
    if not found.trainings:
        return "Nothing remains."
    if found.hours is None:
        time = "hours unknown before the first epoch"
    else:
        time = f"about {found.hours / slots:.1f} hours with {slots} at a time (from {found.measured_on} logs)"
    assumed = ", assumed before the first is done" if found.assumed_bytes else ""
    return f"{found.trainings} trainings remain: {time}; about {found.bytes / 1e9:.1f} GB of disk{assumed}."
