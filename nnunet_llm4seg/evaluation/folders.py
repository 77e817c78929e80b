"""`evaluate`: the metrics of any folder of predictions against a folder of references."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation.measuring import (
    Labels,
    case_names,
    check_labels_occur,
    count_empty,
    describe_tolerance,
    measure_pairs,
    name_differences,
)
from nnunet_llm4seg.evaluation.metrics import EMPTY_POLICY, NAMES
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.segmentations import find_reader


def evaluate(
    predictions: str | Path,
    references: str | Path,
    *,
    output: str | Path | None = None,
    tolerance: float | None = None,
) -> dict[str, Any]:
    """Measure every prediction and write evaluation.json and per_case.csv.

    Labels and file ending come from the dataset.json in `predictions` (nnU-Net writes one there), or in
    the parent of either folder.

    Args:
        output: folder to write; by default `predictions`.
        tolerance: of the NSD in mm (pixels where files know no mm); by default 2 mm in 3D, 2 pixels in 2D.

    Returns:
        What evaluation.json holds: `cases`, `tolerance`, `mean` by label and metric (also over labels), `empty_masks`.

    Raises:
        ComparisonError: the folders do not hold the same cases, or a label occurs in no reference.
        DatasetError: a folder or file is missing or not as expected.
    """
    predictions, references = Path(predictions), Path(references)
    for folder in (predictions, references):
        if not folder.is_dir():
            raise DatasetError(f"{folder}: there is no such folder; give a folder of segmentations.")
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise ComparisonError(f"--tolerance: {tolerance} is not allowed; give a number from 0.")
    dataset = _find_dataset(predictions, references)
    labels, ending = Labels.from_dataset_json(dataset), dataset["file_ending"]
    names = sorted(case_names(references, ending))
    differing = name_differences(case_names(predictions, ending), names)
    if differing or not names:
        raise ComparisonError(
            f"{predictions}: {differing or 'no *' + ending + ' files'}, compared with {references};"
            " both folders must hold the same cases."
        )
    reader = find_reader(dataset, references / f"{names[0]}{ending}")
    pairs = [(predictions / f"{name}{ending}", references / f"{name}{ending}") for name in names]
    measured = measure_pairs(pairs, reader, labels, tolerance)
    check_labels_occur(measured, labels, str(references))
    means = measured.values.mean(0)
    result = {
        "cases": len(names),
        "tolerance": describe_tolerance(tolerance),
        "mean": {
            **{label: dict(zip(NAMES, means[i].tolist(), strict=True)) for i, label in enumerate(labels.regions)},
            "mean over labels": dict(zip(NAMES, means.mean(0).tolist(), strict=True)),
        },
        "empty_masks": {"policy": EMPTY_POLICY, "counts": count_empty([measured], labels)},
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
    for folder in (predictions, predictions.parent, references.parent):
        if (folder / "dataset.json").is_file():
            dataset = read_json(folder / "dataset.json")
            if isinstance(dataset, dict) and isinstance(dataset.get("file_ending"), str) and "labels" in dataset:
                return dataset
            raise DatasetError(
                f"{folder / 'dataset.json'}: it must hold `labels` and `file_ending`; fix it or use nnU-Net's."
            )
    raise DatasetError(
        f"{predictions}: no dataset.json there, above it or above {references}; put nnU-Net's dataset.json"
        " with `labels` and `file_ending` beside the predictions."
    )
