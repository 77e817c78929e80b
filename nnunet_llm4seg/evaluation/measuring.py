"""Measuring predictions label by label against their references, each file read once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation.kept import Kept
from nnunet_llm4seg.evaluation.labels import Labels, boxes, region_mask, union
from nnunet_llm4seg.evaluation.metrics import EMPTY, NAMES, MaskPair, measure_masks
from nnunet_llm4seg.evaluation.pool import in_processes, worker_count
from nnunet_llm4seg.evaluation.prediction import PredictionMeasured
from nnunet_llm4seg.evaluation.slices import Slice, telling_slice
from nnunet_llm4seg.nnunet.segmentations import read_segmentation, voxel_count

_WORTH_PROCESSES = 100
_UNKNOWN_VOXELS = 2**25  # of a volume whose header ITK cannot read
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CaseFiles:
    """One reference and its predictions; `shown` are the two of them whose slice is kept for the report's overlays."""

    reference: Path
    predictions: tuple[Path, ...]
    shown: tuple[int, int] | None = None

    @property
    def of_slice(self) -> list[Path]:
        """The reference and the two predictions of the slice; empty if none is kept."""
        return [self.reference, *(self.predictions[i] for i in self.shown)] if self.shown else []

    def without(self, known: Iterable[Path]) -> CaseFiles:
        """The predictions that are not known; if some are, no slice is kept."""
        known = set(known)
        if not known:
            return self
        return CaseFiles(self.reference, tuple(path for path in self.predictions if path not in known))


@dataclass(frozen=True)
class CaseMeasured:
    """The predictions of one reference, and the slice to show; None if a prediction of it was not measured anew."""

    predictions: list[PredictionMeasured]
    shown: Slice | None = None


@dataclass(frozen=True)
class Measured:
    """Of P cases and L labels: metrics (P, L, M), which mask was empty (P, L), and the reference's volumes (P, L).

    A volume is in the spacing's unit, mm³ or pixels.
    """

    values: np.ndarray
    empty: np.ndarray
    volumes: np.ndarray

    @classmethod
    def of(cls, found: Sequence[PredictionMeasured]) -> Measured:
        """From the predictions of P cases."""
        return cls(
            np.array([one.values for one in found]),
            np.array([one.empty for one in found]),
            np.array([one.volumes for one in found]),
        )

    def of_labels(self, kept: np.ndarray) -> Measured:
        """The same of some labels only, by a mask (L,)."""
        return Measured(self.values[:, kept], self.empty[:, kept], self.volumes[:, kept])

    def mean_over_labels(self, metric: str) -> np.ndarray:
        """(P,)"""
        return self.values[:, :, NAMES.index(metric)].mean(1)


def default_tolerance(spacing: Sequence[float]) -> float:
    """Tolerance of the NSD: 2 mm in 3D, 2 pixels in 2D."""
    return 2.0 if len(spacing) == 3 else 2.0 * float(np.mean(spacing))


def describe_tolerance(tolerance: float | None) -> str:
    """The tolerance that was asked for, in words."""
    return "2 mm in 3D, 2 pixels in 2D" if tolerance is None else f"{tolerance:g} mm or pixels"


def measure_case(files: CaseFiles, reader: Any, labels: Labels, tolerance: float | None) -> CaseMeasured:
    """Measure all predictions of one reference.

    Raises:
        DatasetError: shapes differ, or a prediction contains a label that the data set does not have.
    """
    truth, spacing = read_segmentation(reader, files.reference)
    tolerance = default_tolerance(spacing) if tolerance is None else tolerance
    of_truth, found, maps = boxes(truth), [], {}
    for i, path in enumerate(files.predictions):
        guess = _read_prediction(reader, path, truth.shape, labels)
        of_guess = boxes(guess)
        pairs = []
        for region in labels.regions.values():
            parts = [of[value] for of in (of_truth, of_guess) for value in region if value in of]
            box = tuple(map(slice, truth.shape)) if 0 in region else union(parts, truth.ndim)
            masks = [region_mask(array[box], region) for array in (guess, truth)]
            if labels.ignore is not None:
                masks = [mask & (truth[box] != labels.ignore) for mask in masks]
            pairs.append(MaskPair(masks[0], masks[1], spacing, tolerance, truth.shape))
        found.append(
            PredictionMeasured(
                tuple(tuple(measure_masks(pair)) for pair in pairs),
                tuple(_which_is_empty(pair) for pair in pairs),
                tuple(pair.volume for pair in pairs),
                hashlib.blake2b(guess.tobytes(), digest_size=16).digest() if guess.any() else b"",
            )
        )
        if files.shown and i in files.shown:
            maps[i] = guess
    shown = None
    if files.shown:
        baseline, candidate = (maps[i] for i in files.shown)
        shown = telling_slice(truth, baseline, candidate, labels.foreground, spacing)
    return CaseMeasured(found, shown)


def read_slice(files: CaseFiles, reader: Any, labels: Labels) -> Slice:
    """The slice to show of a case whose predictions were measured before."""
    assert files.shown is not None
    truth, spacing = read_segmentation(reader, files.reference)
    maps = [_read_prediction(reader, files.predictions[i], truth.shape, labels) for i in files.shown]
    return telling_slice(truth, maps[0], maps[1], labels.foreground, spacing)


def measure_cases(
    cases: Sequence[CaseFiles],
    reader: Any,
    labels: Labels,
    tolerance: float | None = None,
    *,
    kept: Kept | None = None,
    progress: Progress = lambda done, total: None,
) -> list[CaseMeasured]:
    """Measure every case, in several processes if there are many predictions.

    Args:
        kept: what was measured before; predictions in it are not measured again, and new ones are added.
        progress: called with the number of cases that are measured, and of all.
    """
    known = [kept.look_up(case.reference, case.predictions) if kept else {} for case in cases]
    todo = [i for i, (case, found) in enumerate(zip(cases, known, strict=True)) if len(found) < len(case.predictions)]
    tasks = [cases[i].without(known[i]) for i in todo]
    workers = 1
    if sum(len(task.predictions) for task in tasks) >= _WORTH_PROCESSES:
        largest = max((task.reference for task in tasks), key=lambda path: path.stat().st_size)
        workers = worker_count(voxel_count(largest) or _UNKNOWN_VOXELS, len(tasks))
    fresh: dict[int, CaseMeasured] = {}
    progress(len(cases) - len(todo), len(cases))
    for i, measured in zip(todo, in_processes(measure_case, tasks, (reader, labels, tolerance), workers), strict=True):
        fresh[i] = measured
        progress(len(cases) - len(todo) + len(fresh), len(cases))
    result = []
    for i, case in enumerate(cases):
        new = iter(fresh[i].predictions if i in fresh else ())
        found = [known[i].get(path) or next(new) for path in case.predictions]
        result.append(CaseMeasured(found, fresh[i].shown if i in fresh else None))
        if kept and i in fresh:
            kept.add(case.reference, dict(zip(case.predictions, found, strict=True)))
    return result


def measure_pairs(
    pairs: Sequence[tuple[Path, Path]],
    reader: Any,
    labels: Labels,
    tolerance: float | None = None,
    progress: Progress = lambda done, total: None,
) -> Measured:
    """Measure (prediction, reference) pairs."""
    cases = [CaseFiles(reference, (prediction,)) for prediction, reference in pairs]
    found = measure_cases(cases, reader, labels, tolerance, progress=progress)
    return Measured.of([case.predictions[0] for case in found])


def count_empty(runs: Sequence[Measured], labels: Labels) -> dict[str, dict[str, int]]:
    """How often the policy for empty masks was used, by label and by which mask was empty."""
    return {
        label: {kind: int(sum((run.empty[:, i] == kind).sum() for run in runs)) for kind in EMPTY[1:]}
        for i, label in enumerate(labels.regions)
    }


def labels_that_occur(measured: Measured, labels: Labels, where: str) -> tuple[np.ndarray, Labels, list[str]]:
    """The labels that some reference contains; the others cannot be measured, as empty masks count as right.

    Args:
        measured: of any predictions of the references.
        where: the references, for the error.

    Returns:
        A mask of the labels that occur (L,), these labels, and the names of the others.

    Raises:
        ComparisonError: no label occurs in any reference.
    """
    occurs = np.asarray(np.isin(measured.empty, ("", "prediction")).any(axis=0))
    kept = {name: region for (name, region), found in zip(labels.regions.items(), occurs, strict=True) if found}
    if not kept:
        raise ComparisonError(
            f"{where}: no reference holds any of {', '.join(labels.regions)}; give references with labels."
        )
    return occurs, Labels(kept, labels.ignore), [name for name in labels.regions if name not in kept]


def case_names(folder: Path, ending: str) -> set[str]:
    """Names of the cases in a folder of segmentations, without the file ending."""
    return {path.name[: -len(ending)] for path in folder.iterdir() if path.name.endswith(ending)}


def name_differences(found: Iterable[str], expected: Iterable[str]) -> str:
    """`3 missing (a, b, ...), 1 unexpected (c)`; empty if both contain the same names."""
    found, expected = set(found), set(expected)
    parts = []
    for word, names in (("missing", sorted(expected - found)), ("unexpected", sorted(found - expected))):
        if names:
            parts.append(f"{len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")
    return ", ".join(parts)


def _read_prediction(reader: Any, path: Path, shape: tuple[int, ...], labels: Labels) -> np.ndarray:
    guess, _ = read_segmentation(reader, path)
    if guess.shape != shape:
        raise DatasetError(
            f"{path}: shape {guess.shape}, but its reference has {shape}; these are not predictions of this data set."
        )
    inside = boxes(guess) if guess.dtype != np.int32 else np.unique(guess).tolist()  # int32: larger, or negative
    unknown = set(inside) - labels.allowed
    if unknown:
        raise DatasetError(
            f"{path}: holds the label {min(unknown)}, the data set only {sorted(labels.allowed)};"
            " these are not predictions of this data set."
        )
    return guess


def _which_is_empty(pair: MaskPair) -> str:
    prediction, reference = pair.empty
    return EMPTY[1 if prediction and reference else 2 if reference else 3 if prediction else 0]
