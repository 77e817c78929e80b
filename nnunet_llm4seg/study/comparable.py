"""What of a study can be compared now: baselines, candidates, folds and runs; what is omitted is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nnunet_llm4seg.study.arms import Arm
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.trainings import StudyData, Training


@dataclass(frozen=True)
class Comparison:
    """One call of `compare`.

    Attributes:
        runs: Numbers of the repeated runs; the first is 1.
        left_out: A sentence per arm, fold or run that is not complete.
    """

    data: StudyData
    baseline: Arm
    candidates: tuple[Arm, ...]
    folds: tuple[int, ...]
    runs: tuple[int, ...]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.data.name}_{self.data.configuration}_against_{self.baseline.name}"


@dataclass(frozen=True)
class Compared:
    """What one call of `compare` said.

    Attributes:
        said: its lines; of a failed call the reason.
    """

    chosen: Comparison
    said: tuple[str, ...]
    failed: bool


def ladders(study: Study) -> list[tuple[Arm, tuple[Arm, ...]]]:
    """Baselines with their candidates: the claims in the file's order, then all other arms against the first."""
    by_name = {arm.name: arm for arm in study.arms}
    first = study.arms[0]
    found: dict[str, list[Arm]] = {}
    for claim in study.ordered_claims:
        found.setdefault(claim.baseline, []).append(by_name[claim.candidate])
    claimed = {first.name, *(arm.name for arms in found.values() for arm in arms), *found}
    rest = [arm for arm in study.arms if arm.name not in claimed]
    if rest:
        found.setdefault(first.name, []).extend(rest)
    return [(by_name[name], tuple(arms)) for name, arms in found.items()]


def comparisons(study: Study, trainings: Sequence[Training], finished: Collection[str]) -> list[Comparison]:
    """What can be compared now: the folds of run 1 that all arms have, and further runs that are complete in them.

    Args:
        finished: Keys of the trainings that are done.
    """
    done = {(t.data.name, t.arm.name, t.run, t.fold) for t in trainings if t.key in finished}
    found = []
    for data in dict.fromkeys(training.data for training in trainings):
        folds = tuple(dict.fromkeys(t.fold for t in trainings if t.data == data))
        for baseline, candidates in ladders(study):
            chosen = _choose(study, data, folds, baseline, candidates, done)
            if chosen is not None:
                found.append(chosen)
    return found


def _choose(
    study: Study,
    data: StudyData,
    folds: tuple[int, ...],
    baseline: Arm,
    candidates: tuple[Arm, ...],
    done: Collection[tuple[str, str, int, int]],
) -> Comparison | None:
    def have(arm: Arm, run: int) -> set[int]:
        return {fold for fold in folds if (data.name, arm.name, run, fold) in done}

    common, kept, left_out = have(baseline, 1), [], []
    for arm in candidates:
        if common & have(arm, 1):
            common &= have(arm, 1)
            kept.append(arm)
        else:
            left_out.append(f"{arm.name}: no fold of run 1 is done in it and in the other arms")
    if not kept:
        return None
    missing = [str(fold) for fold in folds if fold not in common]
    if missing:
        left_out.append(f"fold(s) {', '.join(missing)}: not done in all of these arms")
    runs = [1]
    for run in range(2, study.runs + 1):
        if all(common <= have(arm, run) for arm in (baseline, *kept)):
            runs.append(run)
        else:
            left_out.append(f"run {run}: not done in all of these arms and folds")
    return Comparison(data, baseline, tuple(kept), tuple(sorted(common)), tuple(runs), tuple(left_out))
