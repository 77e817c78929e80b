"""The page of the report, one self-contained file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.analyse import Comparison
from nnunet_llm4seg.evaluation.report import figures, overlays, tables
from nnunet_llm4seg.evaluation.report.activations import find_activations
from nnunet_llm4seg.evaluation.report.fragments import environment
from nnunet_llm4seg.evaluation.report.main_figures import difference_figure, label_figures
from nnunet_llm4seg.evaluation.report.numbers import short_names
from nnunet_llm4seg.nnunet.segmentations import first_channel


def render(comparison: Comparison, summary: dict[str, Any]) -> str:
    """The page as HTML; `summary` is the content of comparison.json, as it is written."""
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            difference=difference_figure(summary),
            labels=label_figures(summary),
            tables=tables.all_tables(summary),
            figures=_figures(comparison),
            cases=_cases(comparison),
            outlines=overlays.OUTLINES,
            activations=find_activations(comparison.chosen.arms, comparison.slots.fold_numbers),
        )
    )


def _figures(comparison: Comparison) -> list[dict[str, Any]]:
    slots, metric, arms = comparison.slots, comparison.primary, comparison.chosen.arms
    baseline, main = (slots.case_means(comparison.primary_of(arm).mean(0)) for arm in arms[:2])
    of_folds = {
        arm.name: np.array([slots.fold_means(run[None]) for run in comparison.primary_of(arm)]) for arm in arms
    }
    short = short_names(arm.name for arm in arms)
    colours = figures.key([arm.name for arm in arms])
    first, second = short[arms[0].name], short[arms[1].name]

    def key(names: Iterable[str]) -> dict[str, str]:
        return {short[name]: colours[name] for name in names}

    dots = "dots are runs, bars their mean"
    drawn = [
        ("Case by case", f"{second} over {first}, means of the runs", {}, figures.scatter(baseline, main, metric)),
        ("Differences, sorted", f"{second} − {first}", {}, figures.sorted_differences(main - baseline)),
        ("Fold by fold", dots, key(of_folds), figures.folds(slots.fold_numbers, of_folds, metric)),
    ]
    logs = {arm.name: [run.log(fold) for run in arm.runs for fold in slots.fold_numbers] for arm in arms}
    curves = {"pseudo Dice": "pseudo_dice", "training loss": "train_loss", "validation loss": "val_loss"}
    for title, name in curves.items():
        by_arm = {arm: [getattr(log, name) for log in trained] for arm, trained in logs.items()}
        by_arm = {arm: [t for t in trainings if t] for arm, trainings in by_arm.items()}
        by_arm = {arm: trainings for arm, trainings in by_arm.items() if trainings}
        if by_arm:
            plot = figures.curves(by_arm, title, list(logs))
            drawn.append((f"Training: {title}", "thin: each training, thick: their mean", key(by_arm), plot))
    return [{"title": title, "about": about, "arms": arms, **themes} for title, about, arms, themes in drawn]


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
