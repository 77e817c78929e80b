"""What a mean hides: failures, rare labels, and differences by the reference's size and by difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from nnunet_llm4seg.evaluation.measuring import Measured
from nnunet_llm4seg.evaluation.metrics import NAMES
from nnunet_llm4seg.evaluation.statistics.slots import Slots

FAILED = 0.1
STRATA = 3

# These classes are parts of comparison.json: their keys are a file format.


class Failures(TypedDict):
    """Of one arm and label, over all runs: mean Dice, and shares of cases.

    `failed`: Dice below 0.1; `missed`: no prediction where the reference has the label; `false_positive`: a prediction
    where it has not. None if no case could be so.
    """

    mean: float
    failed: float
    missed: float | None
    false_positive: float | None


class Group(TypedDict):
    """The primary metric (`label`: Dice) of some of the cases."""

    candidate: str
    by: str
    group: str
    cases: int
    baseline_mean: float
    candidate_mean: float
    difference: float


def failures(runs: Sequence[Measured], label: int) -> Failures:
    """Failures of one label over all runs and cases."""
    dice = np.array([run.values[:, label, NAMES.index("dice")] for run in runs])
    empty = np.array([run.empty[:, label] for run in runs])
    present = np.isin(empty, ("", "prediction"))
    return {
        "mean": float(dice.mean()),
        "failed": float((dice < FAILED).mean()),
        "missed": float((empty[present] == "prediction").mean()) if present.any() else None,
        "false_positive": float((empty[~present] == "reference").mean()) if not present.all() else None,
    }


def groups(
    candidate: str,
    baseline: str,
    primary: Mapping[str, np.ndarray],
    measured: Mapping[str, Sequence[Measured]],
    slots: Slots,
    labels: Sequence[str],
) -> list[Group]:
    """All groups of cases of one candidate.

    Args:
        primary: the primary metric (S, P) by arm.
        measured: one `Measured` per run, by arm.
    """
    ours, base = primary[candidate], primary[baseline]
    volumes = measured[baseline][0].volumes.sum(1)
    return [
        *by_size(candidate, ours, base, volumes, slots),
        *by_difficulty(candidate, ours, base, slots),
        *present_only(candidate, measured, baseline, labels),
    ]


def present_only(
    candidate: str, scores: Mapping[str, Sequence[Measured]], baseline: str, labels: Sequence[str]
) -> list[Group]:
    """Dice of each label that some references lack, over the cases whose reference has it."""
    found: list[Group] = []
    for i, label in enumerate(labels):
        present = np.isin(scores[baseline][0].empty[:, i], ("", "prediction"))
        if present.all():
            continue
        dice = {
            arm: np.array([run.values[present, i, NAMES.index("dice")] for run in scores[arm]]).mean(0)
            for arm in (candidate, baseline)
        }
        found.append(_group(candidate, "label present", label, dice[baseline], dice[candidate]))
    return found


def by_size(
    candidate: str, scores: np.ndarray, baseline: np.ndarray, volumes: np.ndarray, slots: Slots
) -> list[Group]:
    """The primary metric in thirds of the cases by the volume of all labels in the reference (P,)."""
    of_case = slots.case_means(volumes)
    ours, base = (slots.case_means(each.mean(0)) for each in (scores, baseline))
    names = ("small", "medium", "large")
    return [
        _group(candidate, "reference size", name, base[at], ours[at])
        for name, at in zip(names, _thirds(of_case), strict=True)
        if len(at)
    ]


def by_difficulty(candidate: str, scores: np.ndarray, baseline: np.ndarray, slots: Slots) -> list[Group]:
    """The primary metric in thirds of the cases by the baseline's score; nothing with one run of the baseline.

    The thirds are cut on the baseline's other runs, not on the run that is compared: cases that were bad in this run
    by chance would be better in every other training (regression to the mean), the baseline's own too.
    """
    runs = len(baseline)
    if runs < 2:
        return []
    ours = slots.case_means(scores.mean(0))
    parts: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in range(STRATA)]
    for run in range(runs):
        others = slots.case_means(np.delete(baseline, run, axis=0).mean(0))
        base = slots.case_means(baseline[run])
        for part, at in zip(parts, _thirds(others), strict=True):
            part.append((base[at], ours[at]))
    found = []
    for name, part in zip(("hard", "medium", "easy"), parts, strict=True):
        if len(part[0][0]):
            base, of_candidate = (np.mean([pair[i] for pair in part], axis=0) for i in (0, 1))
            found.append(_group(candidate, "difficulty (baseline's other runs)", name, base, of_candidate))
    return found


def _thirds(values: np.ndarray) -> list[np.ndarray]:
    return np.array_split(np.argsort(values, kind="stable"), STRATA)


def _group(candidate: str, by: str, group: str, baseline: np.ndarray, ours: np.ndarray) -> Group:
    return {
        "candidate": candidate,
        "by": by,
        "group": group,
        "cases": len(ours),
        "baseline_mean": float(baseline.mean()),
        "candidate_mean": float(ours.mean()),
        "difference": float(ours.mean() - baseline.mean()),
    }
