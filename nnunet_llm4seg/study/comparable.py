"""What of a study can be compared now: baselines, candidates, folds and runs; what is omitted is named."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    """What can be compared now, per data set and baseline.

    The candidates that a claim names decide on the folds of run 1 and on the further runs: those of the one that
    shares most with the baseline. Without a claim it is what uses most trainings. An arm that lacks any of these, for
    example because it has just begun, is omitted until it has them, so that it costs the others nothing.

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

    claimed = {claim.candidate for claim in study.ordered_claims if claim.baseline == baseline.name}
    shared = {arm.name: have(baseline, 1) & have(arm, 1) for arm in candidates}
    begun = [arm for arm in candidates if shared[arm.name]]
    if not begun:
        return None
    left_out = [
        f"{arm.name}: no fold of run 1 is done in it and in the other arms" for arm in candidates if arm not in begun
    ]
    common = _decided({arm.name: shared[arm.name] for arm in begun}, claimed)
    whole = {
        arm.name: {1, *(run for run in range(2, study.runs + 1) if common <= have(baseline, run) & have(arm, run))}
        for arm in begun
        if common <= shared[arm.name]
    }
    runs = _decided(whole, claimed)
    for name in [arm.name for arm in begun]:
        if name not in whole:
            left_out.append(f"{name}: fold(s) {_listed(common - shared[name])} of run 1 are not done in it")
        elif not runs <= whole[name]:
            left_out.append(f"{name}: run(s) {_listed(runs - whole[name])} are not done in it")
    if missing := set(folds) - common:
        left_out.append(f"fold(s) {_listed(missing)}: not done in all of these arms")
    for run in sorted(set(range(1, study.runs + 1)) - runs):
        left_out.append(f"run {run}: not done in all of these arms and folds")
    kept = tuple(arm for arm in begun if runs <= whole.get(arm.name, set()))
    return Comparison(data, baseline, kept, tuple(sorted(common)), tuple(sorted(runs)), tuple(left_out))


def _decided(offers: Mapping[str, set[int]], claimed: Collection[str]) -> set[int]:
    """The folds, or runs, that are compared, of those that each arm has."""
    if deciding := [offer for name, offer in offers.items() if name in claimed]:
        return max(deciding, key=len)
    every = list(offers.values())
    return max(every, key=lambda offer: (len(offer) * sum(offer <= other for other in every), len(offer)))


def _listed(numbers: Collection[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
