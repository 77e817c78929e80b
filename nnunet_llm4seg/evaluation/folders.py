"""`evaluate`: the metrics of any folder of predictions against a folder of references."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.measuring import (
    Progress,
    case_names,
    count_empty,
    describe_tolerance,
    labels_that_occur,
    measure_pairs,
    name_differences,
)
from nnunet_llm4seg.evaluation.metrics import EMPTY_POLICY, NAMES
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.names import DATASET
from nnunet_llm4seg.nnunet.segmentations import check_same_place, find_reader


def evaluate(
    predictions: str | Path,
    references: str | Path,
    *,
    output: str | Path | None = None,
    tolerance: float | None = None,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Measure every prediction and write evaluation.json and per_case.csv.

    Predictions may cover only some of the references' cases, as a fold's `validation` does. A label that is in no
    reference is omitted. Labels and file ending come from the dataset.json in `predictions` (nnU-Net writes one
    there), in the two folders above it (a model's folder, for `validation`), or above `references`.

    Args:
        output: folder to write; by default `predictions`.
        tolerance: of the NSD in mm (pixels if the files have no mm); by default 2 mm in 3D, 2 pixels in 2D.
        progress: called with the number of predictions that are measured, and of all.

    Returns:
        The content of evaluation.json: `cases`, `tolerance`, `mean` by label and metric (also over labels),
        `empty_masks`, and `notices`, in sentences: references without a prediction, omitted labels.

    Raises:
        ComparisonError: a prediction has no reference, or no label occurs in any reference.
        DatasetError: a folder or file is missing or not as expected, or the spacing or direction of a prediction
            differs from its reference's.

    Example:
        >>> result = evaluate("path/to/predictions", "path/to/labels")
        >>> result["cases"], sorted(result["mean"])
        (1, ['lesion', 'mean over labels'])
        >>> result["mean"]["lesion"]["dice"]
        1.0
    """
    predictions, references = Path(predictions), Path(references)
    for folder in (predictions, references):
        if not folder.is_dir():
            raise DatasetError(f"{folder}: there is no such folder; give a folder of segmentations.")
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise ComparisonError(f"--tolerance: {tolerance} is not allowed; give a number from 0.")
    dataset = _find_dataset(predictions, references)
    labels, ending = Labels.from_dataset_json(dataset), dataset["file_ending"]
    known, predicted = case_names(references, ending), case_names(predictions, ending)
    names = sorted(predicted)
    unexpected = name_differences(predicted, known & predicted)
    if unexpected or not names:
        raise ComparisonError(
            f"{predictions}: {unexpected or 'no *' + ending + ' files'}, compared with {references};"
            " every prediction needs a reference of the same name."
        )
    pairs = [(predictions / f"{name}{ending}", references / f"{name}{ending}") for name in names]
    for pair in pairs:
        check_same_place(*pair)
    measured = measure_pairs(pairs, find_reader(dataset, pairs[0][1]), labels, tolerance, progress)
    occurs, labels, absent = labels_that_occur(measured, labels, str(references))
    measured = measured.of_labels(occurs)
    notices = [f"no reference contains {name!r}: omitted" for name in absent]
    if known - predicted:
        notices.append(f"{len(known - predicted)} of {len(known)} references have no prediction: not measured")
    means = measured.values.mean(0)
    result = {
        "cases": len(names),
        "tolerance": describe_tolerance(tolerance),
        "mean": {
            **{label: dict(zip(NAMES, means[i].tolist(), strict=True)) for i, label in enumerate(labels.regions)},
            "mean over labels": dict(zip(NAMES, means.mean(0).tolist(), strict=True)),
        },
        "empty_masks": {"policy": EMPTY_POLICY, "counts": count_empty([measured], labels)},
        "notices": notices,
    }
    folder = Path(output) if output else predictions
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "evaluation.json", result)
        with (
            written_whole(folder / "per_case.csv") as part,
            part.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.writer(file)
            table.writerow(["case", "label", *NAMES, "empty"])
            for name, values, empty in zip(names, measured.values, measured.empty, strict=True):
                for label, row, which in zip(labels.regions, values, empty, strict=True):
                    table.writerow([name, label, *(f"{value:.6g}" for value in np.asarray(row)), which])
    except OSError as error:
        raise ComparisonError(f"-o: {folder} cannot be written ({error}); name another folder.") from error
    return result


def _find_dataset(predictions: Path, references: Path) -> Mapping[str, Any]:
    for folder in (predictions, *predictions.absolute().parents[:2], references.absolute().parent):
        if (folder / DATASET).is_file():
            dataset = read_json(folder / DATASET)
            if isinstance(dataset, dict) and isinstance(dataset.get("file_ending"), str) and "labels" in dataset:
                return dataset
            raise DatasetError(
                f"{folder / DATASET}: it must hold `labels` and `file_ending`; fix it or use nnU-Net's."
            )
    raise DatasetError(
        f"{predictions}: no dataset.json there, above it or above {references}; put nnU-Net's dataset.json"
        " with `labels` and `file_ending` beside the predictions."
    )
