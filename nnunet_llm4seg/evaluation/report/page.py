"""The page of the report, one self-contained file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.analyse import Comparison
from nnunet_llm4seg.evaluation.kept import digest
from nnunet_llm4seg.evaluation.report import figures, overlays, tables
from nnunet_llm4seg.evaluation.report.activations import find_activations
from nnunet_llm4seg.evaluation.report.fragments import environment
from nnunet_llm4seg.evaluation.report.main_figures import difference_figure, label_figures
from nnunet_llm4seg.evaluation.report.numbers import short_names
from nnunet_llm4seg.evaluation.report.pictures import Pictures
from nnunet_llm4seg.nnunet.segmentations import first_channel


def render(comparison: Comparison, summary: dict[str, Any], pictures: Pictures) -> str:
    """The page as HTML.

    Args:
        summary: the content of comparison.json, as it is written.
        pictures: what was drawn for an earlier report.
    """
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            summary=summary,
            difference=difference_figure(summary),
            labels=label_figures(summary),
            tables=tables.all_tables(summary),
            figures=_figures(comparison, pictures),
            cases=_cases(comparison, pictures),
            outlines=overlays.OUTLINES,
            shown_arms=dict(zip(("baseline", "candidate"), _short(comparison).values(), strict=False)),
            activations=find_activations(comparison.chosen.arms, comparison.slots.fold_numbers),
        )
    )


def _short(comparison: Comparison) -> dict[str, str]:
    return short_names(arm.name for arm in comparison.chosen.arms)


def _figures(comparison: Comparison, pictures: Pictures) -> list[dict[str, Any]]:
    slots, metric, arms = comparison.slots, comparison.primary, comparison.chosen.arms
    baseline, main = (slots.case_means(comparison.primary_of(arm).mean(0)) for arm in arms[:2])
    of_folds = {
        arm.name: np.array([slots.fold_means(run[None]) for run in comparison.primary_of(arm)]) for arm in arms
    }
    short = _short(comparison)
    colours = figures.key([arm.name for arm in arms])
    first, second = short[arms[0].name], short[arms[1].name]

    def key(names: Iterable[str]) -> dict[str, str]:
        return {short[name]: colours[name] for name in names}

    dots = "dots are runs, bars their mean"
    drawn = [
        (
            "Case by case",
            f"{second} over {first}, means of the runs",
            {},
            pictures.figure(figures.scatter, baseline, main, metric),
        ),
        (
            "Differences, sorted",
            f"{second} − {first}",
            {},
            pictures.figure(figures.sorted_differences, main - baseline),
        ),
        ("Fold by fold", dots, key(of_folds), pictures.figure(figures.folds, slots.fold_numbers, of_folds, metric)),
    ]
    logs = {arm.name: [run.log(fold) for run in arm.runs for fold in slots.fold_numbers] for arm in arms}
    curves = {"pseudo Dice": "pseudo_dice", "training loss": "train_loss", "validation loss": "val_loss"}
    for title, name in curves.items():
        by_arm = {arm: [getattr(log, name) for log in trained] for arm, trained in logs.items()}
        by_arm = {arm: [t for t in trainings if t] for arm, trainings in by_arm.items()}
        by_arm = {arm: trainings for arm, trainings in by_arm.items() if trainings}
        if by_arm:
            plot = pictures.figure(figures.curves, by_arm, title, list(logs))
            drawn.append((f"Training: {title}", "thin: each training, thick: their mean", key(by_arm), plot))
    return [{"title": title, "about": about, "arms": arms, **themes} for title, about, arms, themes in drawn]


def _cases(comparison: Comparison, pictures: Pictures) -> list[dict[str, Any]]:
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
            uri = _overlay(comparison, pictures, case, image)
            shown.append({"case": case, "baseline": baseline[i], "candidate": candidate[i], "uri": uri})
        if shown:
            sections.append({"title": title, "cases": shown})
    return sections


def _overlay(comparison: Comparison, pictures: Pictures, case: str, image: Path | None) -> str:
    scores, labels = comparison.scores, comparison.labels
    files = [*scores.files[case].of_slice, *([image] if image else [])]
    shown = ["overlay", [digest(path).hex() for path in files], scores.reader.kind, list(labels.regions.items())]

    def draw() -> dict[str, str]:
        return {"png": overlays.draw_overlay(image, scores.slice_of(case, labels), labels, scores.reader)}

    return pictures.drawn(shown, draw)["png"]
