"""The content of comparison.json, from an analysed comparison."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import nnunet_llm4seg
from nnunet_llm4seg.evaluation.analyse import Comparison
from nnunet_llm4seg.evaluation.arms import differences
from nnunet_llm4seg.evaluation.arms.commands import training_commands
from nnunet_llm4seg.evaluation.arms.shares import layer_shares, share_warnings
from nnunet_llm4seg.evaluation.measuring import count_empty, describe_tolerance
from nnunet_llm4seg.evaluation.metrics import EMPTY_POLICY
from nnunet_llm4seg.evaluation.report.words import methods_paragraph, other_notes, serious_notes
from nnunet_llm4seg.evaluation.subgroups import failures


def summarise(comparison: Comparison, command: str = "") -> dict[str, Any]:
    """The content of comparison.json; `command` is the command line to show in the report."""
    chosen, slots = comparison.chosen, comparison.slots
    summary: dict[str, Any] = {
        "dataset": chosen.dataset,
        "configuration": chosen.configuration,
        "primary": comparison.primary,
        "labels": list(comparison.labels.regions),
        "baseline": chosen.baseline.name,
        "candidates": [arm.name for arm in chosen.candidates],
        "folds": list(chosen.folds),
        "n_splits": len(chosen.splits),
        "cases": len(slots.case_names),
        "overlapping": len(slots.cases) > len(slots.case_names),
        "clusters": {"rule": chosen.cluster_rule, "count": len(slots.unit_names)},
        "runs": {arm.name: len(arm.runs) for arm in chosen.arms},
        "tolerance": describe_tolerance(comparison.tolerance),
        "layers": {arm.name: differences.layer_settings(arm, chosen.configuration) for arm in chosen.arms},
        "layer_shares": layer_shares(chosen.arms, chosen.folds),
        "differences": [str(difference) for difference in chosen.different],
        "recorded_versions": differences.recorded_versions(chosen.arms, chosen.folds),
        "unrecorded": differences.unrecorded(chosen.arms, chosen.folds),
        "empty_masks": {
            "policy": EMPTY_POLICY,
            "counts": {
                arm: count_empty(by_run, comparison.labels) for arm, by_run in comparison.scores.measured.items()
            },
        },
        "failures": {
            arm: {label: failures(runs, i) for i, label in enumerate(comparison.labels.regions)}
            for arm, runs in comparison.scores.measured.items()
        },
        "groups": comparison.groups,
        "commands": {
            "compare": command,
            "train": training_commands(chosen.arms, chosen.dataset, chosen.configuration, chosen.folds),
        },
        "versions": versions(),
        "warnings": _warnings(comparison),
        "scores": comparison.arm_results,
        "baseline_against_itself": comparison.against_itself,
        "comparisons": comparison.pairs,
        "leaked_cases": len({case for _, case in comparison.leaked}),
        "sentence": comparison.pairs[0]["claim"],
        "descriptive": comparison.descriptive,
        "costs": comparison.costs,
    }
    summary["serious_notes"] = serious_notes(summary)
    summary["notes"] = summary["serious_notes"] + other_notes(summary)
    summary["methods"] = methods_paragraph(summary)
    return summary


def _warnings(comparison: Comparison) -> list[str]:
    """What was omitted, and which arms say nothing about the layer, in sentences."""
    folds = ", ".join(map(str, comparison.chosen.folds))
    absent = [
        f"No reference of fold(s) {folds} contains the label {name!r}: omitted." for name in comparison.absent_labels
    ]
    shares = share_warnings(layer_shares(comparison.chosen.arms, comparison.chosen.folds))
    return [*comparison.chosen.omitted_folds, *comparison.chosen.assumed, *absent, *shares]


def versions() -> dict[str, str]:
    """Versions on the machine that runs the comparison."""
    packages = ("nnunetv2", "torch", "numpy", "scipy")
    own = {"nnunet_llm4seg": nnunet_llm4seg.__version__, "python": platform.python_version()}
    return own | {name: version(name) for name in packages}
