"""The report in words: the paragraph for a paper, and the notes, the serious ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.arms.shares import share_warnings
from nnunet_llm4seg.evaluation.metrics import BY_NAME, EMPTY_POLICY


def methods_paragraph(summary: Mapping[str, Any]) -> str:
    """A paragraph on the methods, for a paper."""
    metric = BY_NAME[summary["primary"]].title
    runs = sorted(set(summary["runs"].values()))
    text = (
        f"Models trained with nnU-Net{_trained_with(summary['recorded_versions'])} were compared on"
        f" {summary['dataset']} ({summary['configuration']}), on the validation cases of {len(summary['folds'])} of"
        f" {summary['n_splits']} splits ({summary['cases']} distinct cases,"
        f" {' or '.join(map(str, runs))} training run{'s' if runs != [1] else ''} per arm and fold)."
        f" Dice, IoU, precision, recall, the 95 % Hausdorff distance and the normalised surface Dice"
        f" (tolerance {summary['tolerance']}) were computed per case and label as"
        " MONAI defines them, with the signed volume difference (relative to the mean of both volumes) and connected"
        f" components matched one to one from an IoU of 0.1 on (F1, false positives). {EMPTY_POLICY} The"
        f" primary endpoint was the mean over labels of the per-case {metric}, paired by case."
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


def _trained_with(recorded: Mapping[str, list[str]]) -> str:
    """The versions that the trainings recorded; nothing is said of the machine that compares."""
    known = sorted({version for versions in recorded.values() for version in versions})
    if not known:
        return " (version not recorded)"
    silent = [name for name, versions in recorded.items() if not versions]
    return f" {' and '.join(known)}" + (f" (not recorded for {', '.join(silent)})" if silent else "")


def serious_notes(summary: Mapping[str, Any]) -> list[str]:
    """What can make the result say something else than it seems to say."""
    found = [f"Not the bottleneck alone: {difference}." for difference in summary["differences"]]
    if summary["leaked_cases"]:
        few = any(comparison["without_leaks"] is None for comparison in summary["comparisons"])
        found.append(
            f"{summary['leaked_cases']} of {summary['cases']} cases have a near-duplicate (or a case of the same"
            f" patient) in their fold's training set; {'too few are left' if few else 'a row shows the result'}"
            " without them."
        )
    return found + share_warnings(summary["layer_shares"])


def other_notes(summary: Mapping[str, Any]) -> list[str]:
    """What limits the result, and then what was omitted or is not known."""
    found = []
    for comparison in summary["comparisons"]:
        if comparison["wilcoxon"]["disagrees"]:
            what = " and ".join(comparison["wilcoxon"]["disagrees"])
            found.append(
                f"{comparison['candidate']}: {what} point the other way than the mean; a few large changes decide it."
            )
    single = [arm for arm, runs in summary["runs"].items() if runs == 1]
    if single:
        found.append(f"{', '.join(single)}: one run; the SD between runs is unknown.")
    if summary["overlapping"]:
        found.append("Some cases are validated in several folds: they count once, and the folds are not independent.")
    if summary["clusters"]["rule"] is None:
        found.append("No groups.json and no --group-by: near-duplicates and patients were not looked for.")
    shares = share_warnings(summary["layer_shares"])
    found += [warning for warning in summary["warnings"] if warning not in shares]
    alike: dict[str, list[str]] = {}
    for arm, settings in summary["unrecorded"].items():
        alike.setdefault(", ".join(settings), []).append(arm)
    for settings, arms in alike.items():
        found.append(
            f"{', '.join(arms)}: {settings} not recorded, and so not compared; nnU-Net's own trainers do not write"
            " nnunetv2's version, and for them the final checkpoint is assumed to be the validated one."
        )
    return found
