"""The second step of a comparison: measure the chosen arms and analyse their scores. Nothing is drawn or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.choose import Chosen
from nnunet_llm4seg.evaluation.arms.copies import check_predictions_differ
from nnunet_llm4seg.evaluation.arms.cost import measure_costs
from nnunet_llm4seg.evaluation.arms.leaks import leaked_cases
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.kept import Kept
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.measuring import (
    CaseFiles,
    CaseMeasured,
    Measured,
    Progress,
    labels_that_occur,
    measure_cases,
    read_slice,
)
from nnunet_llm4seg.evaluation.prediction import PredictionMeasured
from nnunet_llm4seg.evaluation.slices import Slice
from nnunet_llm4seg.evaluation.statistics import claims, results
from nnunet_llm4seg.evaluation.statistics.decision import verdict
from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.nnunet.segmentations import find_reader


@dataclass(frozen=True)
class Scores:
    """What was measured.

    Attributes:
        measured: one `Measured` per run, over the slots, by arm name.
        shown: the slice that the report shows, by case; of cases that were not measured anew, it is read if needed.
        files: reference and predictions, by case.
        reader: nnU-Net's reader of the data set's files.
    """

    measured: Mapping[str, list[Measured]]
    shown: Mapping[str, Slice]
    files: Mapping[str, CaseFiles]
    reader: Any

    def slice_of(self, case: str, labels: Labels) -> Slice:
        """The slice that the report shows of a case."""
        return self.shown[case] if case in self.shown else read_slice(self.files[case], self.reader, labels)

    def of(self, arm: Arm) -> np.ndarray:
        """All metrics (S, P, L, M)."""
        return np.array([run.values for run in self.measured[arm.name]])

    def primary(self, arm: Arm, metric: str) -> np.ndarray:
        """One metric, its mean over labels (S, P)."""
        return np.array([run.mean_over_labels(metric) for run in self.measured[arm.name]])


@dataclass(frozen=True)
class Comparison:
    """An analysed comparison: all that the report is written from.

    Attributes:
        labels: those that some reference of the compared folds contains.
        absent_labels: names of the others, which are not measured.
    """

    chosen: Chosen
    primary: str
    tolerance: float | None
    slots: Slots
    labels: Labels
    absent_labels: list[str]
    scores: Scores
    leaked: set[tuple[int, str]]
    arm_results: dict[str, results.ArmResult]
    against_itself: results.AgainstItself | None
    pairs: list[results.PairResult]
    descriptive: list[results.DescriptiveRow]
    costs: dict[str, dict[str, Any]]

    def primary_of(self, arm: Arm) -> np.ndarray:
        """The primary metric (S, P)."""
        return self.scores.primary(arm, self.primary)


def analyse(
    chosen: Chosen,
    *,
    primary: str = "dice",
    tolerance: float | None = None,
    target: float = 0.8,
    memory: Path | None = None,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Measure and analyse; `memory` is a file of values to use again, other arguments and errors as in `compare`."""
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
        descriptive=[
            {"candidate": arm.name, **row}
            for arm in chosen.candidates
            for row in results.describe_rest(
                every_metric[arm.name], every_metric[chosen.baseline.name], slots, list(labels.regions)
            )
        ],
        costs=measure_costs(chosen.arms, chosen.configuration, chosen.folds[0]),
    )


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


def measure_arms(
    chosen: Chosen,
    slots: Slots,
    labels: Labels,
    tolerance: float | None,
    memory: Path | None = None,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> Scores:
    """Measure every prediction of every run; a reference is read once for all of them."""
    ending = chosen.ending
    missing = [case for case in slots.case_names if not (chosen.references / f"{case}{ending}").is_file()]
    if missing:
        raise ComparisonError(
            f"{chosen.references}: no reference for {missing[0]!r} ({len(missing)} cases);"
            " run nnUNetv2_preprocess again."
        )
    runs = [run for arm in chosen.arms for run in arm.runs]
    main = len(chosen.baseline.runs)  # the main candidate's first run
    places = {name: [p for p, case in enumerate(slots.cases) if case == name] for name in slots.case_names}
    files = [
        CaseFiles(
            chosen.references / f"{case}{ending}",
            tuple(run.validation(slots.folds[p]) / f"{case}{ending}" for run in runs for p in at),
            shown=(0, main * len(at)),
        )
        for case, at in places.items()
    ]
    reader = find_reader(chosen.info, files[0].reference)
    kept = Kept(memory, labels, tolerance, reader) if memory else None
    if kept and kept.refused:
        say(kept.refused)
    found = measure_cases(files, reader, labels, tolerance, kept=kept, progress=progress)
    if kept:
        try:
            kept.write()
        except OSError as error:
            raise ComparisonError(f"-o: {kept.path} cannot be written ({error}); name another folder.") from error
    by_run = _by_run(found, list(places.values()), len(runs), len(slots.cases))
    of_arm = {arm.name: [by_run.pop(0) for _ in arm.runs] for arm in chosen.arms}
    for arm in chosen.arms:
        check_predictions_differ(arm, slots.folds, [[one.digest for one in run] for run in of_arm[arm.name]])
    measured = {name: [Measured.of(run) for run in runs] for name, runs in of_arm.items()}
    shown = {case: result.shown for case, result in zip(places, found, strict=True) if result.shown}
    return Scores(measured, shown, dict(zip(places, files, strict=True)), reader)


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


def _by_run(
    found: list[CaseMeasured], places: list[list[int]], runs: int, slots: int
) -> list[list[PredictionMeasured]]:
    """From case by case, whose predictions are ordered by run and slot, to run by run over all slots."""
    placed = {}
    for case, at in zip(found, places, strict=True):
        for i, prediction in enumerate(case.predictions):
            placed[i // len(at), at[i % len(at)]] = prediction
    return [[placed[run, p] for p in range(slots)] for run in range(runs)]


def _pairs(
    chosen: Chosen,
    by_arm: Mapping[str, np.ndarray],
    slots: Slots,
    leaked: set[tuple[int, str]],
    primary: str,
    target: float,
) -> list[results.PairResult]:
    baseline, pairs = by_arm[chosen.baseline.name], []
    for arm in chosen.candidates:
        scores = by_arm[arm.name]
        pair: results.PairResult = {
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
