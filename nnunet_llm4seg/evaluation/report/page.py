"""The page of the report, one self-contained file."""

from __future__ import annotations

from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from nnunet_llm4seg.evaluation.analyse import Comparison
from nnunet_llm4seg.evaluation.report import figures, overlays, tables
from nnunet_llm4seg.evaluation.report.activations import find_activations
from nnunet_llm4seg.nnunet.segmentations import first_channel


def render(comparison: Comparison, summary: dict[str, Any]) -> str:
    """The page as HTML; `summary` is the content of comparison.json, as it is written."""
    environment = Environment(
        loader=PackageLoader("nnunet_llm4seg.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = lambda text: text.replace("__", "__\u200b")  # arm names can be long
    return environment.get_template("report.html.j2").render(
        summary=summary,
        tables=tables.all_tables(summary),
        figures=_figures(comparison),
        cases=_cases(comparison),
        outlines=overlays.OUTLINES,
        activations=find_activations(comparison.chosen.arms, comparison.slots.fold_numbers),
    )


def _figures(comparison: Comparison) -> list[dict[str, Any]]:
    slots, metric, arms = comparison.slots, comparison.primary, comparison.chosen.arms
    baseline, main = (slots.case_means(comparison.primary_of(arm).mean(0)) for arm in arms[:2])
    of_folds = {
        arm.name: np.array([slots.fold_means(run[None]) for run in comparison.primary_of(arm)]) for arm in arms
    }
    drawn = [
        ("Difference with both intervals", figures.intervals(comparison.pairs, metric)),
        ("Case by case", figures.scatter(baseline, main, metric)),
        ("Differences, sorted", figures.sorted_differences(main - baseline)),
        ("Fold by fold", figures.folds(slots.fold_numbers, of_folds, metric)),
    ]
    logs = {arm.name: [run.log(fold) for run in arm.runs for fold in slots.fold_numbers] for arm in arms}
    curves = {"pseudo Dice": "pseudo_dice", "training loss": "train_loss", "validation loss": "val_loss"}
    for title, name in curves.items():
        by_arm = {arm: [getattr(log, name) for log in trained] for arm, trained in logs.items()}
        by_arm = {arm: [t for t in trainings if t] for arm, trainings in by_arm.items()}
        by_arm = {arm: trainings for arm, trainings in by_arm.items() if trainings}
        if by_arm:
            drawn.append((f"Training: {title}", figures.curves(by_arm, title)))
    return [{"title": title, **themes} for title, themes in drawn]


def _cases(comparison: Comparison) -> list[dict[str, Any]]:
    """Overlays of the main candidate's first run against the baseline's."""
    slots, chosen = comparison.slots, comparison.chosen
    baseline, candidate = (slots.case_means(comparison.primary_of(arm)[0]) for arm in chosen.arms[:2])
    sections = []
    for title, indices in overlays.choose(baseline, candidate).items():
        shown = []
        for i in indices:
            case = slots.case_names[i]
            image = first_channel(chosen.images, case, chosen.ending) if chosen.images else None
            image = image if image and image.is_file() else None
            scores, labels = comparison.scores, comparison.labels
            uri = overlays.draw_overlay(image, scores.slice_of(case, labels), labels, scores.reader)
            shown.append({"case": case, "baseline": baseline[i], "candidate": candidate[i], "uri": uri})
        if shown:
            sections.append({"title": title, "cases": shown})
    return sections
