"""The report in words: the paragraph for a paper, and the notes beside the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME, EMPTY_POLICY


def methods_paragraph(summary: Mapping[str, Any]) -> str:
    """A paragraph on the methods, for a paper."""
    metric = BY_NAME[summary["primary"]].title
    runs = sorted(set(summary["runs"].values()))
    text = (
        f"Models were compared on {summary['dataset']} ({summary['configuration']}) with nnU-Net"
        f" {summary['versions']['nnunetv2']}, on the validation cases of {len(summary['folds'])} of"
        f" {summary['n_splits']} splits ({summary['cases']} distinct cases,"
        f" {' or '.join(map(str, runs))} training run{'s' if runs != [1] else ''} per arm and fold)."
        f" Dice, IoU, precision, recall, the 95 % Hausdorff distance and the normalised surface Dice"
        f" (tolerance {summary['tolerance']}) were computed per case and label as"
        f" MONAI defines them. {EMPTY_POLICY} The primary endpoint was the"
        f" mean over labels of the per-case {metric}, paired by case."
    )
    if summary["clusters"]["count"] < summary["cases"]:
        text += f" Cases were clustered ({summary['clusters']['rule']})."
    text += " The interval for the trained models is a t interval with the variance between cases, stratified by fold."
    rules = {comparison["method"]["rule"] for comparison in summary["comparisons"]}
    if "runs" in rules:
        text += (
            " The interval for the method adds the variance between training runs: a t interval whose"
            " variance is the sum of the within-fold variance of run means and of the persistent variance"
            " between cases, with Satterthwaite degrees of freedom."
        )
    if "folds" in rules:
        text += (
            " The interval for the method, with one run in at least one arm, is a t interval over fold differences,"
            " with the correction of Nadeau and Bengio as sensitivity analysis."
        )
    if len(summary["comparisons"]) > 1:
        text += f" p-values were adjusted by Holm over {len(summary['comparisons'])} candidates."
    return text + (
        " The Wilcoxon signed-rank test (zeros by Pratt) is secondary; other metrics and labels are descriptive."
    )


def notes(summary: Mapping[str, Any]) -> list[str]:
    """Warnings that a reader must see beside the tables."""
    found = [f"Not the bottleneck alone: {difference}." for difference in summary["differences"]]
    for arm, settings in summary["unrecorded"].items():
        found.append(
            f"{arm}: {', '.join(settings)} not recorded, and so not compared; nnU-Net's own trainers do not write"
            " nnunetv2's version, and for them the final checkpoint is assumed to be the validated one."
        )
    for comparison in summary["comparisons"]:
        if comparison["wilcoxon"]["disagrees"]:
            what = " and ".join(comparison["wilcoxon"]["disagrees"])
            found.append(
                f"{comparison['candidate']}: {what} point the other way than the mean; a few large changes decide it."
            )
    for arm, runs in summary["runs"].items():
        if runs == 1:
            found.append(f"{arm}: one run; its SD between runs is unknown.")
    if summary["clusters"]["rule"] is None:
        found.append("No groups.json and no --group-by: near-duplicates and patients were not looked for.")
    if summary["leaked_cases"]:
        few = any(comparison["without_leaks"] is None for comparison in summary["comparisons"])
        found.append(
            f"{summary['leaked_cases']} of {summary['cases']} cases have a near-duplicate (or a case of the same"
            f" patient) in their fold's training set; {'too few are left' if few else 'a row shows the result'}"
            " without them."
        )
    if summary["overlapping"]:
        found.append("Some cases are validated in several folds: they count once, and the folds are not independent.")
    return found + summary["warnings"]
