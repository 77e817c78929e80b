"""The comparison in words: what may and what may not be claimed, and the paragraph for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nnunet_llm4seg.evaluation.intervals import RESAMPLES
from nnunet_llm4seg.evaluation.metrics import EMPTY_POLICY

METRIC_NAMES = {
    "dice": "Dice",
    "iou": "IoU",
    "precision": "Precision",
    "recall": "Recall",
    "hd95": "HD95",
    "nsd": "NSD",
}
ALPHA = 0.05


def verdict(comparison: Mapping[str, Any]) -> str:
    """`better`, `worse`, `open` (no claim) or `none` (no interval for the method exists).

    Better and worse need both: interval (b) leaves zero out, and Holm's adjusted p is below 0.05.
    """
    method = comparison["method"]
    low, high = method["interval"]
    if low != low:
        return "none"
    if method["p_holm"] < ALPHA and (low > 0 or high < 0):
        return "better" if low > 0 else "worse"
    return "open"


def claim(comparison: Mapping[str, Any], metric: str) -> str:
    """One sentence that says what may and what may not be claimed of one candidate."""
    method, name = comparison["method"], comparison["candidate"]
    difference = f"{signed(comparison['difference'])} points of {METRIC_NAMES[metric]}"
    result, ends = verdict(comparison), []
    if result == "none":
        return (
            f"No claim about the methods can be made: {name} differs by {difference} on these cases, but one"
            " fold with one run shows nothing of how much training varies; train more folds or runs."
        )
    difference += f", 95 % interval for the method {bracket(method['interval'])}"
    if result == "open":
        low, high = comparison["trained_models"]["interval"]
        start = f"It cannot be claimed that {name} is better or worse than the baseline: {difference}"
        if method["interval"][0] > 0 or method["interval"][1] < 0:
            ends.append("its interval leaves zero out, but not after Holm's adjustment for several candidates")
        elif low > 0 or high < 0:
            ends.append("these trained models do differ on such cases, which may be the luck of these runs")
        smallest = comparison["power"]["smallest_difference"]
        ends.append(f"with 80 % power these cases and runs could have shown {points(smallest)} points")
    else:
        start = f"On this data set and these splits {name} is {result} than the baseline: {difference}"
    if method["rule"] == "folds":
        ends.append("with one run an arm the luck of the seed cannot be excluded")
        low, high = method["interval_correlated"]
        if result != "open" and low <= 0 <= high:
            ends.append("corrected for folds that share training cases, the interval holds zero")
    elif result != "open":
        low, high = method["interval_over_folds"]
        if low <= 0 <= high:
            ends.append("over other training sets, by a t test over folds, the interval holds zero")
    return "; ".join([start, *ends]) + "."


def methods_paragraph(summary: Mapping[str, Any]) -> str:
    """What was done, to paste into a paper."""
    metric = METRIC_NAMES[summary["primary"]]
    runs = sorted(set(summary["runs"].values()))
    text = (
        f"Models were compared on {summary['dataset']} ({summary['configuration']}) with nnU-Net"
        f" {summary['versions']['nnunetv2']}, on the validation cases of {len(summary['folds'])} of"
        f" {summary['n_splits']} splits ({summary['cases']} distinct cases,"
        f" {' or '.join(map(str, runs))} training run{'s' if runs != [1] else ''} per arm and fold)."
        f" Dice, IoU, precision, recall, the 95 % Hausdorff distance and the normalised surface Dice"
        f" (tolerance {summary['tolerance']}) were computed per case and label with MONAI"
        f" {summary['versions']['monai']}. {EMPTY_POLICY} The primary endpoint, fixed in advance, was the"
        f" mean over labels of the per-case {metric}, paired by case."
    )
    if summary["clusters"]["count"] < summary["cases"]:
        text += f" Cases were clustered ({summary['clusters']['rule']})."
    text += (
        f" The interval for the trained models is a percentile bootstrap over cases, stratified by fold"
        f" ({RESAMPLES:,} resamples, seed 0)."
    )
    rules = {comparison["method"]["rule"] for comparison in summary["comparisons"]}
    if "runs" in rules:
        text += (
            " The interval for the method adds the variance between training runs: a t interval whose"
            " variance is the sum of the within-fold variance of run means and of the persistent variance"
            " between cases, with Satterthwaite degrees of freedom."
        )
    if "folds" in rules:
        text += (
            " The interval for the method with one run an arm is a t interval over fold differences,"
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


def short_names(arms: Iterable[str]) -> dict[str, str]:
    """TRAINER__PLANS -> the trainer alone, where no other arm has it, too."""
    arms = list(arms)
    trainers = [arm.split("__")[0] for arm in arms]
    return {arm: trainer if trainers.count(trainer) == 1 else arm for arm, trainer in zip(arms, trainers, strict=True)}


def points(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.2f}"


def signed(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def bracket(interval: list[float]) -> str:
    unknown = any(bound != bound for bound in interval)
    return "[–, –]" if unknown else f"[{signed(interval[0])}, {signed(interval[1])}]"
