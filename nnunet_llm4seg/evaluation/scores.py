"""The scores of the chosen arms: every prediction of every run measured once, and put in the order of the slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.choose import Chosen
from nnunet_llm4seg.evaluation.arms.copies import check_predictions_differ
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.arms.validated import check_as_validated
from nnunet_llm4seg.evaluation.kept import Kept
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.measuring import (
    CaseFiles,
    CaseMeasured,
    Measured,
    Progress,
    measure_cases,
    read_slice,
)
from nnunet_llm4seg.evaluation.metrics import NAMES
from nnunet_llm4seg.evaluation.prediction import PredictionMeasured
from nnunet_llm4seg.evaluation.slices import Slice
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.nnunet.segmentations import LazyReader


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
    reader: LazyReader

    def slice_of(self, case: str, labels: Labels) -> Slice:
        """The slice that the report shows of a case."""
        return self.shown[case] if case in self.shown else read_slice(self.files[case], self.reader, labels)

    def of(self, arm: Arm) -> np.ndarray:
        """All metrics (S, P, L, M)."""
        return np.array([run.values for run in self.measured[arm.name]])

    def primary(self, arm: Arm, metric: str) -> np.ndarray:
        """One metric, its mean over labels (S, P)."""
        return np.array([run.mean_over_labels(metric) for run in self.measured[arm.name]])


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
    reader = LazyReader.of(chosen.info, files[0].reference)
    kept = Kept(memory, labels, tolerance, reader.kind) if memory else None
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
    dice = NAMES.index("dice")
    for arm in chosen.arms:
        by_label = [run.values[..., dice] for run in measured[arm.name]]
        check_as_validated(arm, slots.folds, slots.cases, by_label, labels)
    shown = {case: result.shown for case, result in zip(places, found, strict=True) if result.shown}
    return Scores(measured, shown, dict(zip(places, files, strict=True)), reader)


def _by_run(
    found: list[CaseMeasured], places: list[list[int]], runs: int, slots: int
) -> list[list[PredictionMeasured]]:
    """From case by case, whose predictions are ordered by run and slot, to run by run over all slots."""
    placed = {}
    for case, at in zip(found, places, strict=True):
        for i, prediction in enumerate(case.predictions):
            placed[i // len(at), at[i % len(at)]] = prediction
    return [[placed[run, p] for p in range(slots)] for run in range(runs)]
