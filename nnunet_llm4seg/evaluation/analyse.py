"""The second step of a comparison: measure the chosen arms and analyse their scores. Nothing is drawn or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation import subgroups
from nnunet_llm4seg.evaluation.arms import kept_costs
from nnunet_llm4seg.evaluation.arms.choose import Chosen
from nnunet_llm4seg.evaluation.arms.leaks import leaked_cases
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.measuring import Progress, labels_that_occur
from nnunet_llm4seg.evaluation.scores import Scores, measure_arms
from nnunet_llm4seg.evaluation.statistics import claims, results
from nnunet_llm4seg.evaluation.statistics.decision import verdict
from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.power import TARGET
from nnunet_llm4seg.evaluation.statistics.records import AgainstItself, ArmResult, DescriptiveRow, PairResult
from nnunet_llm4seg.evaluation.statistics.simultaneous import simultaneous
from nnunet_llm4seg.evaluation.statistics.slots import Slots


@dataclass(frozen=True)
class Comparison:
    """An analysed comparison: all that the report is written from.

    Attributes:
        labels: those that some reference of the compared folds contains.
        absent_labels: names of the others, which are not measured.
        groups: the primary metric of some of the cases, by what they have in common.
    """

    chosen: Chosen
    primary: str
    tolerance: float | None
    slots: Slots
    labels: Labels
    absent_labels: list[str]
    scores: Scores
    leaked: set[tuple[int, str]]
    arm_results: dict[str, ArmResult]
    against_itself: AgainstItself | None
    pairs: list[PairResult]
    descriptive: list[DescriptiveRow]
    costs: dict[str, dict[str, Any]]
    groups: list[subgroups.Group]

    def primary_of(self, arm: Arm) -> np.ndarray:
        """The primary metric (S, P)."""
        return self.scores.primary(arm, self.primary)


def analyse(
    chosen: Chosen,
    *,
    primary: str = "dice",
    tolerance: float | None = None,
    target: float = TARGET,
    memory: Path | None = None,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Measure and analyse; arguments and errors as in `compare`.

    Args:
        memory: a file of values to use again; costs are kept beside it.
    """
    slots = _slots(chosen)
    scores, labels, absent = _of_labels_that_occur(chosen, slots, tolerance, memory, progress, say)
    leaked = leaked_cases(chosen.splits, chosen.folds, chosen.clusters)
    by_arm = {arm.name: scores.primary(arm, primary) for arm in chosen.arms}
    baseline = by_arm[chosen.baseline.name]
    every_metric = {arm.name: scores.of(arm) for arm in chosen.arms}
    return Comparison(
        chosen,
        primary,
        tolerance,
        slots,
        labels,
        absent,
        scores,
        leaked,
        arm_results={name: results.describe_arm(of_arm, slots) for name, of_arm in by_arm.items()},
        against_itself=results.against_itself(baseline, slots),
        pairs=_pairs(chosen, by_arm, slots, leaked, primary, target / 100),
        descriptive=_describe(chosen, every_metric, slots, labels),
        costs=_costs(chosen, memory),
        groups=[
            group
            for arm in chosen.candidates
            for group in subgroups.groups(
                arm.name, chosen.baseline.name, by_arm, scores.measured, slots, list(labels.regions)
            )
        ],
    )


def _costs(chosen: Chosen, memory: Path | None) -> dict[str, dict[str, Any]]:
    beside = memory.with_name(kept_costs.NAME) if memory else None
    try:
        return kept_costs.costs(chosen.arms, chosen.configuration, chosen.folds[0], beside)
    except OSError as error:
        raise ComparisonError(f"-o: {beside} cannot be written ({error}); name another folder.") from error


def _describe(
    chosen: Chosen, every_metric: Mapping[str, np.ndarray], slots: Slots, labels: Labels
) -> list[DescriptiveRow]:
    """Every label and metric of every candidate, with intervals that hold for all of them together."""
    baseline, names = every_metric[chosen.baseline.name], list(labels.regions)
    rows = [
        (arm.name, row)
        for arm in chosen.candidates
        for row in results.describe_rest(every_metric[arm.name], baseline, slots, names)
    ]
    together = simultaneous([row for _, row in rows])
    return [
        {"candidate": name, **row, "simultaneous": interval}
        for (name, row), interval in zip(rows, together, strict=True)
    ]


def _of_labels_that_occur(
    chosen: Chosen,
    slots: Slots,
    tolerance: float | None,
    memory: Path | None,
    progress: Progress,
    say: Callable[[str], None],
) -> tuple[Scores, Labels, list[str]]:
    """The scores of the labels that the references contain, these labels, and the names of the others."""
    labels = Labels.from_dataset_json(chosen.info)
    scores = measure_arms(chosen, slots, labels, tolerance, memory, progress, say)
    where = f"{chosen.references}, fold(s) {', '.join(map(str, chosen.folds))}"
    occurs, labels, absent = labels_that_occur(scores.measured[chosen.baseline.name][0], labels, where)
    measured = {name: [run.of_labels(occurs) for run in runs] for name, runs in scores.measured.items()}
    return replace(scores, measured=measured), labels, absent


def _slots(chosen: Chosen) -> Slots:
    validated = chosen.validated
    trained = sum(len(chosen.splits[fold]["train"]) for fold in chosen.folds)
    slots = Slots(
        tuple(fold for fold, _ in validated),
        tuple(case for _, case in validated),
        chosen.clusters,
        len(validated) / trained,
    )
    clusters = len(slots.unit_names)
    if clusters < 2:
        raise ComparisonError(
            f"nothing to compare: {len(slots.case_names)} case(s) in {clusters} cluster(s);"
            " at least two independent cases are needed, add folds or cases."
        )
    return slots


def _pairs(
    chosen: Chosen,
    by_arm: Mapping[str, np.ndarray],
    slots: Slots,
    leaked: set[tuple[int, str]],
    primary: str,
    target: float,
) -> list[PairResult]:
    baseline, pairs = by_arm[chosen.baseline.name], []
    for arm in chosen.candidates:
        scores = by_arm[arm.name]
        pair: PairResult = {
            "candidate": arm.name,
            **results.compare_primary(scores, baseline, slots, target=target),
        }
        if leaked:
            pair["without_leaks"] = results.without_leaks(scores, baseline, slots, leaked)
        pairs.append(pair)
    results.adjust(pairs)
    names = {case for _, case in leaked}
    for pair, arm in zip(pairs, chosen.candidates, strict=True):
        scores = by_arm[arm.name]
        intervals = method_interval(scores, baseline, slots), fold_interval(scores, baseline, slots)
        pair["verdict"] = str(verdict(*intervals, pair["method"]["p_holm"]))
        if leaked and pair["without_leaks"] is None:
            pair["verdict"] = "none"
        runs = len(arm.runs), len(chosen.baseline.runs)
        pair["claim"] = claims.claim(pair, primary, runs=runs, leaked=len(names), cases=len(slots.case_names))
    return pairs
