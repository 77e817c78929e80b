"""Reading segmentations through nnU-Net's own readers and measuring them label by label."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError, DatasetError, one_line
from nnunet_llm4seg.evaluation.metrics import METRICS, measure

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
            DatasetError: they are not nnU-Net's names with numbers (or lists of numbers), or only background.
        """
        try:
            numbers = {name: v if isinstance(v, list) else [v] for name, v in dataset["labels"].items()}
            values = {name: tuple(map(int, v)) for name, v in numbers.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise DatasetError(
                f"dataset.json: labels {dataset['labels']!r} are not nnU-Net's, a number (or a list of them) by name;"
                " mend the file."
            ) from error
        if not any(set(region) != {0} for name, region in values.items() if name != "ignore"):
            raise DatasetError("dataset.json: labels hold no foreground; add the labels that the masks have.")
        ignore = values.pop("ignore", (None,))[0]
        return cls({name: region for name, region in values.items() if set(region) != {0}}, ignore)

    @property
    def allowed(self) -> set[int]:
        return {0, *(value for region in self.regions.values() for value in region)}


@dataclass(frozen=True)
class Measured:
    """Metrics of P cases: values (P, L, M), and for each case and label which mask was empty (P, L)."""

    values: np.ndarray
    empty: np.ndarray

    def mean_over_labels(self, metric: str) -> np.ndarray:
        """(P,)"""
        return self.values[:, :, METRICS.index(metric)].mean(1)


def find_reader(dataset: Mapping[str, Any], example: Path) -> Any:
    """nnU-Net's reader for this data set's files."""
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

    try:
        return determine_reader_writer_from_dataset_json(dataset, str(example), verbose=False)()
    except RuntimeError as error:
        raise DatasetError(f"{example}: no reader of nnU-Net can open it; check file_ending and the file.") from error


def read_segmentation(reader: Any, path: Path) -> tuple[np.ndarray, tuple[float, ...]]:
    """A label map (H, W) or (D, H, W) and its spacing; the singleton axis of a 2D image is dropped."""
    try:
        array, properties = reader.read_seg(str(path))
    except Exception as error:  # every reader raises its own
        raise DatasetError(
            f"{path}: cannot be read ({one_line(error)}); predict or convert this case again."
        ) from error
    array, spacing = array[0], tuple(float(step) for step in properties["spacing"])
    if array.shape[0] == 1:
        array, spacing = array[0], spacing[1:]
    return np.rint(array).astype(np.int32), spacing


def default_tolerance(spacing: Sequence[float]) -> float:
    """Tolerance of the NSD: 2 mm in 3D, 2 pixels in 2D."""
    return 2.0 if len(spacing) == 3 else 2.0 * float(np.mean(spacing))


def describe_tolerance(tolerance: float | None) -> str:
    """The tolerance that was asked for, in words."""
    return "2 mm in 3D, 2 pixels in 2D" if tolerance is None else f"{tolerance:g} mm or pixels"


def measure_case(
    prediction: Path, reference: Path, reader: Any, labels: Labels, tolerance: float | None
) -> tuple[np.ndarray, list[str]]:
    """Metrics (L, M) of one case and which mask was empty, label by label.

    Raises:
        DatasetError: shapes differ, or the prediction holds a label that the data set does not have.
    """
    truth, spacing = read_segmentation(reader, reference)
    guess, _ = read_segmentation(reader, prediction)
    if guess.shape != truth.shape:
        raise DatasetError(
            f"{prediction}: shape {guess.shape}, but its reference has {truth.shape};"
            " these are not predictions of this data set."
        )
    unknown = set(np.unique(guess).tolist()) - labels.allowed
    if unknown:
        raise DatasetError(
            f"{prediction}: holds the label {min(unknown)}, the data set only {sorted(labels.allowed)};"
            " these are not predictions of this data set."
        )
    counted = truth != labels.ignore if labels.ignore is not None else np.ones(truth.shape, bool)
    tolerance = default_tolerance(spacing) if tolerance is None else tolerance
    values, empty = [], []
    for region in labels.regions.values():
        masks = [np.isin(array, region) & counted for array in (guess, truth)]
        metrics = measure(*masks, spacing, tolerance)
        values.append([metrics[name] for name in METRICS])
        has_guess, has_truth = masks[0].any(), masks[1].any()
        empty.append(EMPTY[0 if has_guess and has_truth else 3 if has_truth else 2 if has_guess else 1])
    return np.array(values), empty


def measure_cases(
    pairs: Sequence[tuple[Path, Path]], reader: Any, labels: Labels, tolerance: float | None = None
) -> Measured:
    """Measure (prediction, reference) pairs, in several processes where there are many."""
    tasks = [(*pair, reader, labels, tolerance) for pair in pairs]
    if len(tasks) < _WORTH_PROCESSES:
        results = [measure_case(*task) for task in tasks]
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(mp_context=spawn, initializer=_one_thread) as pool:
            results = list(pool.map(measure_case, *zip(*tasks, strict=True), chunksize=8))
    return Measured(np.array([values for values, _ in results]), np.array([empty for _, empty in results]))


def count_empty(runs: Sequence[Measured], labels: Labels) -> dict[str, dict[str, int]]:
    """How often the policy for empty masks was used, by label and by which mask was empty."""
    return {
        label: {kind: int(sum((run.empty[:, i] == kind).sum() for run in runs)) for kind in EMPTY[1:]}
        for i, label in enumerate(labels.regions)
    }


def check_labels_occur(measured: Measured, labels: Labels, where: str) -> None:
    """Raise ComparisonError if a label occurs in no reference: where both are empty all count as right."""
    for i, name in enumerate(labels.regions):
        if not np.isin(measured.empty[:, i], ("", "prediction")).any():
            raise ComparisonError(
                f"label {name!r} occurs in no reference of {where}, so nothing can be said of it; give more cases,"
                " or take it out of `labels` in dataset.json."
            )


def case_names(folder: Path, ending: str) -> set[str]:
    """Names of the cases in a folder of segmentations, without the file ending."""
    return {path.name[: -len(ending)] for path in folder.iterdir() if path.name.endswith(ending)}


def name_differences(found: Iterable[str], expected: Iterable[str]) -> str:
    """`3 missing (a, b, ...), 1 unexpected (c)`; empty where both hold the same names."""
    found, expected = set(found), set(expected)
    parts = []
    for word, names in (("missing", sorted(expected - found)), ("unexpected", sorted(found - expected))):
        if names:
            parts.append(f"{len(names)} {word} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")
    return ", ".join(parts)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
