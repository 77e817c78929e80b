"""The claims of a study in their order, over all its data sets: gatekeeping, and two named claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.statistics.decision import ALPHA, decisive_p, verdict
from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval, fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.multiplicity import holm
from nnunet_llm4seg.evaluation.statistics.over_datasets import average_of_such, average_of_these
from nnunet_llm4seg.evaluation.statistics.posterior import probability_of_false_claim
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.study.arms import Claim

NOT_TESTED = "not tested"
Pair = tuple[np.ndarray, np.ndarray, Slots]  # scores of candidate (S, P) and baseline (S', P)


def climb(
    claims: Sequence[Claim],
    pairs: Mapping[Claim, Mapping[str, Pair]],
    level: Callable[[Claim], float],
) -> list[dict[str, Any]]:
    """Test the claims in their order, each only if all before it hold.

    Each claim is about the average over these data sets; with two data sets or more a second ladder, of the same
    order, is about data sets like these.

    Args:
        pairs: of each claim, the scores by data set; none for a claim that cannot be looked at yet.
        level: of each claim's test, after the earlier looks.

    Returns:
        One entry per claim for study.json: `these`, `like_these` (None for fewer than two data sets) and `datasets`.
    """
    steps, open_gates = [], {"these": True, "like_these": True}
    for claim in claims:
        by_data = pairs.get(claim, {})
        step: dict[str, Any] = {"claim": str(claim), "level": level(claim), "these": None, "like_these": None}
        intervals = {name: method_interval(*pair) for name, pair in by_data.items()}
        folds = {name: fold_interval(*pair) for name, pair in by_data.items()}
        if by_data:
            step["these"] = _judged(
                average_of_these(list(intervals.values())), average_of_these(list(folds.values())), step["level"]
            )
            such = average_of_such(list(intervals.values()))
            if such is not None:
                step["like_these"] = {
                    **_judged(such, such, step["level"]),
                    "heterogeneity_sd": float(such.heterogeneity_sd),
                    "prediction": [float(bound) for bound in such.prediction],
                }
        for ladder, is_open in open_gates.items():
            entry = step[ladder]
            if entry is not None and not is_open:
                entry["verdict"] = NOT_TESTED
            open_gates[ladder] = is_open and entry is not None and entry["verdict"] == "better"
        step["datasets"] = _each(by_data, intervals, folds)
        steps.append(step)
    return steps


def _each(
    by_data: Mapping[str, Pair], intervals: Mapping[str, MethodInterval], folds: Mapping[str, MethodInterval]
) -> dict[str, dict[str, Any]]:
    """Each data set by itself; p by Holm over the data sets."""
    p_values = [float(decisive_p(intervals[name].p, folds[name].p)) for name in by_data]
    found = {}
    for (name, pair), p in zip(by_data.items(), holm(p_values), strict=True):
        candidate, baseline, slots = pair
        differences = slots.unit_parts(candidate.mean(0) - baseline.mean(0)) / slots.unit_share
        found[name] = {
            **_judged(intervals[name], folds[name], ALPHA, p),
            "p_holm": p,
            "probability_of_false_claim": probability_of_false_claim(differences),
        }
    return found


def _judged(
    interval: MethodInterval, over_folds: MethodInterval, level: float, p: float | None = None
) -> dict[str, Any]:
    decisive = float(decisive_p(interval.p, over_folds.p))
    return {
        "difference": float(interval.difference),
        "interval": [float(bound) for bound in interval.bounds],
        "p": decisive,
        "verdict": str(verdict(interval, over_folds, decisive if p is None else p, level)),
    }
