"""Writing a comparison's folder: report.html, comparison.json, per_case.csv and table.tex."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation import figures, overlays, tables
from nnunet_llm4seg.evaluation.activations import find_activations
from nnunet_llm4seg.evaluation.arms import Arm
from nnunet_llm4seg.evaluation.gathering import Comparison
from nnunet_llm4seg.evaluation.metrics import METRICS
from nnunet_llm4seg.evaluation.secondary import fold_means
from nnunet_llm4seg.evaluation.segmentations import find_reader
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.logs import read_training_log


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write all four files into `folder`, which is made if it does not exist.

    Raises:
        ComparisonError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary = without_nan(comparison.summary)
        write_json(folder / "comparison.json", summary)
        _write_per_case(comparison, folder / "per_case.csv")
        _write_text(folder / "table.tex", tables.latex(summary))
        _write_text(folder / "report.html", render(comparison, summary))
    except OSError as error:
        raise ComparisonError(f"-o: {folder} cannot be written ({error}); name another folder.") from error


def render(comparison: Comparison, summary: dict[str, Any]) -> str:
    """The page, one self-contained file."""
    environment = Environment(
        loader=PackageLoader("nnunet_llm4seg.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = lambda text: text.replace("__", "__\u200b")  # long names of arms
    return environment.get_template("report.html.j2").render(
        summary=summary,
        tables=tables.all_tables(summary),
        figures=_figures(comparison),
        cases=_cases(comparison),
        outlines=overlays.OUTLINES,
        activations=find_activations(comparison.arms, comparison.design.fold_numbers),
    )


def without_nan(value: Any) -> Any:
    """The same structure with None for nan and inf, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _figures(comparison: Comparison) -> list[dict[str, Any]]:
    summary, design, metric = comparison.summary, comparison.design, comparison.summary["primary"]
    baseline, main = (comparison.primary(arm).mean(0) @ design.by_case for arm in comparison.arms[:2])
    of_folds = {
        arm.name: np.array([fold_means(run[None], design) for run in comparison.primary(arm)])
        for arm in comparison.arms
    }
    drawn = [
        ("Difference with both intervals", figures.intervals(summary["comparisons"], metric)),
        ("Case by case", figures.scatter(baseline, main, metric)),
        ("Differences, sorted", figures.sorted_differences(main - baseline)),
        ("Fold by fold", figures.folds(design.fold_numbers, of_folds, metric)),
    ]
    logs = {arm.name: _logs(arm, design.fold_numbers) for arm in comparison.arms}
    curves = {"pseudo Dice": "pseudo_dice", "training loss": "train_loss", "validation loss": "val_loss"}
    for title, name in curves.items():
        by_arm = {arm: [getattr(log, name) for log in trained] for arm, trained in logs.items()}
        by_arm = {arm: [t for t in trainings if t] for arm, trainings in by_arm.items()}
        by_arm = {arm: trainings for arm, trainings in by_arm.items() if trainings}
        if by_arm:
            drawn.append((f"Training: {title}", figures.curves(by_arm, title)))
    return [{"title": title, **themes} for title, themes in drawn]


def _logs(arm: Arm, folds: list[int]) -> list[Any]:
    return [read_training_log(run / f"fold_{fold}") for run in arm.runs for fold in folds]


def _cases(comparison: Comparison) -> list[dict[str, Any]]:
    """Overlays of the main candidate's first run against the baseline's."""
    design, base, main = comparison.design, *comparison.arms[:2]
    baseline, candidate = (comparison.primary(arm)[0] @ design.by_case for arm in (base, main))
    fold_of = dict(zip(reversed(design.cases), reversed(design.folds), strict=True))
    reader = find_reader(comparison.dataset, comparison.truth / f"{design.cases[0]}{comparison.ending}")
    sections = []
    for title, indices in overlays.choose(baseline, candidate).items():
        shown = []
        for i in indices:
            case = design.case_names[i]
            file = f"{case}{comparison.ending}"
            inside = Path(f"fold_{fold_of[case]}") / "validation" / file
            masks = {
                "reference": comparison.truth / file,
                "baseline": base.runs[0] / inside,
                "candidate": main.runs[0] / inside,
            }
            image = overlays.find_image(comparison.images, case, comparison.ending)
            uri = overlays.draw_case(image, masks, comparison.labels, reader)
            shown.append({"case": case, "baseline": baseline[i], "candidate": candidate[i], "uri": uri})
        if shown:
            sections.append({"title": title, "cases": shown})
    return sections


def _write_per_case(comparison: Comparison, path: Path) -> None:
    """One row for each arm, run, fold, case and label."""
    design = comparison.design
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["arm", "run", "fold", "case", "cluster", "leaked", "label", *METRICS, "empty"])
        for arm in comparison.arms:
            for run, measured in enumerate(comparison.measured[arm.name]):
                for p, (fold, case) in enumerate(zip(design.folds, design.cases, strict=True)):
                    cluster, leaked = design.clusters.get(case, case), int((fold, case) in comparison.leaked)
                    for i, label in enumerate(comparison.labels.regions):
                        values = [f"{value:.6g}" for value in np.asarray(measured.values[p, i])]
                        row = [arm.name, run, fold, case, cluster, leaked, label, *values]
                        table.writerow([*row, measured.empty[p, i]])


def _write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
