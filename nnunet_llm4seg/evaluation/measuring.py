"""Measuring predictions label by label against their references, each file read once."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation.metrics import NAMES, MaskPair, measure_masks
from nnunet_llm4seg.evaluation.slices import Slice, telling_slice
from nnunet_llm4seg.nnunet.segmentations import read_segmentation

_WORTH_PROCESSES = 100
EMPTY = ("", "both", "reference", "prediction")


@dataclass(frozen=True)
class Labels:
    """Foreground labels, or regions of several labels, by name; and the label of voxels to ignore."""

    regions: Mapping[str, tuple[int, ...]]
    ignore: int | None = None

    @classmethod
    def from_dataset_json(cls, dataset: Mapping[str, Any]) -> Labels:
        """From the `labels` of nnU-Net's dataset.json.

        Raises:
            DatasetError: they are not names with numbers (or lists of numbers) as in nnU-Net, or only background.
        """
        try:
            numbers = {name: v if isinstance(v, list) else [v] for name, v in dataset["labels"].items()}
            values = {name: tuple(map(int, v)) for name, v in numbers.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise DatasetError(
                f"dataset.json: labels {dataset['labels']!r} are not nnU-Net's, a number (or a list of them) by name;"
                " fix the file."
            ) from error
        if not any(set(region) != {0} for name, region in values.items() if name != "ignore"):
            raise DatasetError("dataset.json: labels hold no foreground; add the labels that the masks have.")
        ignore = values.pop("ignore", (None,))[0]
        return cls({name: region for name, region in values.items() if set(region) != {0}}, ignore)

    @property
    def foreground(self) -> tuple[int, ...]:
        """All labels that are in any region."""
        return tuple(sorted({value for region in self.regions.values() for value in region} - {0}))

    @property
    def allowed(self) -> set[int]:
        return {0, *(value for region in self.regions.values() for value in region)}


@dataclass(frozen=True)
class CaseFiles:
    """One reference and its predictions; `shown` are the two of them whose slice is kept for the report's overlays."""

    reference: Path
    predictions: tuple[Path, ...]
    shown: tuple[int, int] | None = None


@dataclass(frozen=True)
class CaseMeasured:
    """The predictions of one reference: metrics (predictions, L, M), which mask was empty, and the slice to show.

    `digests` tell predictions apart; the digest of an empty one is empty.
    """

    values: np.ndarray
    empty: list[list[str]]
    digests: list[bytes]
    shown: Slice | None = None


@dataclass(frozen=True)
class Measured:
    """Metrics of P cases: values (P, L, M), and for each case and label which mask was empty (P, L)."""

    values: np.ndarray
    empty: np.ndarray

    def of_labels(self, kept: np.ndarray) -> Measured:
        """The same of some labels only, by a mask (L,)."""
        return Measured(self.values[:, kept], self.empty[:, kept])

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
    counted = truth != labels.ignore if labels.ignore is not None else np.ones(truth.shape, bool)
    targets = [np.isin(truth, region) & counted for region in labels.regions.values()]
    tolerance = default_tolerance(spacing) if tolerance is None else tolerance
    values, empty, digests, maps = [], [], [], {}
    for i, path in enumerate(files.predictions):
        guess = _read_prediction(reader, path, truth.shape, labels)
        pairs = [
            MaskPair(np.isin(guess, region) & counted, target, spacing, tolerance)
            for region, target in zip(labels.regions.values(), targets, strict=True)
        ]
        values.append([measure_masks(pair) for pair in pairs])
        empty.append([_which_is_empty(pair) for pair in pairs])
        digests.append(hashlib.blake2b(guess.tobytes(), digest_size=16).digest() if guess.any() else b"")
        if files.shown and i in files.shown:
            maps[i] = guess
    shown = None
    if files.shown:
        baseline, candidate = (maps[i] for i in files.shown)
        shown = telling_slice(truth, baseline, candidate, labels.foreground, spacing)
    return CaseMeasured(np.array(values), empty, digests, shown)


def measure_cases(
    cases: Sequence[CaseFiles], reader: Any, labels: Labels, tolerance: float | None = None
) -> list[CaseMeasured]:
    """Measure every case, in several processes if there are many predictions."""
    if sum(len(case.predictions) for case in cases) < _WORTH_PROCESSES:
        return [measure_case(case, reader, labels, tolerance) for case in cases]
    spawn = multiprocessing.get_context("spawn")
    same = [[value] * len(cases) for value in (reader, labels, tolerance)]
    with ProcessPoolExecutor(mp_context=spawn, initializer=_one_thread) as pool:
        return list(pool.map(measure_case, cases, *same, chunksize=8))


def measure_pairs(
    pairs: Sequence[tuple[Path, Path]], reader: Any, labels: Labels, tolerance: float | None = None
) -> Measured:
    """Measure (prediction, reference) pairs."""
    cases = [CaseFiles(reference, (prediction,)) for prediction, reference in pairs]
    results = measure_cases(cases, reader, labels, tolerance)
    return Measured(np.array([r.values[0] for r in results]), np.array([r.empty[0] for r in results]))


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
    unknown = set(np.unique(guess).tolist()) - labels.allowed
    if unknown:
        raise DatasetError(
            f"{path}: holds the label {min(unknown)}, the data set only {sorted(labels.allowed)};"
            " these are not predictions of this data set."
        )
    return guess


def _which_is_empty(pair: MaskPair) -> str:
    prediction, reference = pair.empty
    return EMPTY[1 if prediction and reference else 2 if reference else 3 if prediction else 0]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
