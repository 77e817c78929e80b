"""The third step of a comparison: write report.html, comparison.json, per_case.csv and table.tex into a folder."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.analyse import Comparison
from nnunet_llm4seg.evaluation.metrics import NAMES
from nnunet_llm4seg.evaluation.report.latex import latex
from nnunet_llm4seg.evaluation.report.page import render
from nnunet_llm4seg.evaluation.report.pictures import NAME, Pictures
from nnunet_llm4seg.files import write_json, written_whole


def write_report(comparison: Comparison, summary: dict[str, Any], folder: Path) -> None:
    """Write all four files into `folder`, which is made if it does not exist, and keep the pictures beside them.

    Args:
        summary: see `summarise`.

    Raises:
        ComparisonError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary = without_nan(summary)
        write_json(folder / "comparison.json", summary)
        _write_per_case(comparison, folder / "per_case.csv")
        _write_text(folder / "table.tex", latex(summary))
        pictures = Pictures(folder / NAME)
        _write_text(folder / "report.html", render(comparison, summary, pictures))
        pictures.write()
    except OSError as error:
        raise ComparisonError(f"-o: {folder} cannot be written ({error}); name another folder.") from error


def without_nan(value: Any) -> Any:
    """The same structure with None for nan and inf, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write_per_case(comparison: Comparison, path: Path) -> None:
    """One row per arm, run, fold, case and label."""
    slots = comparison.slots
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["arm", "run", "fold", "case", "cluster", "leaked", "label", *NAMES, "empty"])
        for arm in comparison.chosen.arms:
            for run, measured in enumerate(comparison.scores.measured[arm.name]):
                for p, (fold, case) in enumerate(zip(slots.folds, slots.cases, strict=True)):
                    cluster, leaked = slots.clusters.get(case, case), int((fold, case) in comparison.leaked)
                    for i, label in enumerate(comparison.labels.regions):
                        values = [f"{value:.6g}" for value in np.asarray(measured.values[p, i])]
                        row = [arm.name, run, fold, case, cluster, leaked, label, *values]
                        table.writerow([*row, measured.empty[p, i]])


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
