"""From scores to statements: everything that comparison.json says about one candidate and one baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation import secondary
from nnunet_llm4seg.evaluation.design import Design
from nnunet_llm4seg.evaluation.intervals import (
    MethodInterval,
    bootstrap_bounds,
    fold_interval,
    mean_difference,
    method_interval,
    run_variance,
)
from nnunet_llm4seg.evaluation.metrics import METRICS
from nnunet_llm4seg.evaluation.power import runs_needed, smallest_difference


def describe_arm(scores: np.ndarray, design: Design) -> dict[str, Any]:
    """One arm's primary metric (S, P): mean, run means, fold means, and its noise between runs.

    `run_sd` is the SD between runs of the mean over all cases, `run_fold_sd` that of one fold's mean.
    """
    runs = len(scores)
    shares = design.by_fold.sum(0)
    of_fold = scores @ design.by_fold / shares
    return {
        "mean": float(scores.mean(0) @ design.weight),
        "runs": runs,
        "run_means": (scores @ design.weight).tolist(),
        "run_sd": float(np.sqrt(run_variance(scores, design))) if runs > 1 else None,
        "run_fold_sd": float(np.sqrt(of_fold.var(0, ddof=1).mean())) if runs > 1 else None,
        "fold_means": secondary.fold_means(scores, design).tolist(),
    }


def against_itself(scores: np.ndarray, design: Design) -> dict[str, float] | None:
    """Two runs of one arm (S, P) against each other: what seed luck alone does; None for one run."""
    if len(scores) < 2:
        return None
    pairs = [(scores[i] - scores[j]) @ design.by_case for i, j in combinations(range(len(scores)), 2)]
    return {
        "pairs": len(pairs),
        "largest_mean_difference": float(max(abs(pair.mean()) for pair in pairs)),
        "case_sd": float(np.sqrt(np.mean([pair.var(ddof=1) for pair in pairs]))),
    }


def compare_primary(candidate: np.ndarray, baseline: np.ndarray, design: Design, *, target: float) -> dict[str, Any]:
    """Everything about the primary metric of candidate (S, P) against baseline (S', P)."""
    interval = method_interval(candidate, baseline, design)
    slot_differences = np.round(candidate.mean(0) - baseline.mean(0), 9)  # means of equal scores differ by 1e-17
    differences = slot_differences @ design.by_case
    # One value a cluster for the tests that need exchangeable units.
    of_unit = (slot_differences @ design.by_unit) / design.by_unit.sum(0)
    p, effect = secondary.wilcoxon(of_unit)
    shares, mean = secondary.shares(differences), float(differences.mean())
    against = {"most cases": shares["better"] - shares["worse"], "the ranks of the changes": effect}
    disagrees = [name for name, value in against.items() if value * mean < 0]
    folds = secondary.fold_means(candidate, design) - secondary.fold_means(baseline, design)
    return {
        **intervals(candidate, baseline, design),
        "wilcoxon": {"p": p, "rank_biserial": effect, "disagrees": disagrees},
        "shares": shares,
        "fold_differences": folds.tolist(),
        "folds_won": int((folds > 0).sum()),
        "power": _power(interval, design, target),
    }


def intervals(candidate: np.ndarray, baseline: np.ndarray, design: Design) -> dict[str, Any]:
    """The difference of the means with both intervals, for scores (S, P) and (S', P)."""
    bounds = bootstrap_bounds(candidate.mean(0) - baseline.mean(0), design)
    return _with_bounds(candidate, baseline, design, bounds)


def _with_bounds(
    candidate: np.ndarray, baseline: np.ndarray, design: Design, trained: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    interval = method_interval(candidate, baseline, design)
    method = {
        "rule": interval.rule,
        "interval": _pair(interval.bounds),
        "se": float(interval.se),
        "df": float(interval.df),
        "p": float(interval.p),
    }
    if interval.rule == "runs":
        method["case_part"] = float(interval.case_part)
        method["run_parts"] = _pair(interval.run_parts)
        method["interval_over_folds"] = _pair(fold_interval(candidate, baseline, design).bounds)
    else:
        method["interval_correlated"] = _pair(interval.bounds_correlated)
    return {
        "candidate_mean": float(candidate.mean(0) @ design.weight),
        "baseline_mean": float(baseline.mean(0) @ design.weight),
        "difference": float(mean_difference(candidate, baseline, design)),
        "trained_models": {"interval": _pair(trained)},
        "method": method,
    }


def describe_rest(
    candidate: np.ndarray, baseline: np.ndarray, design: Design, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Every label and metric of scores (S, P, L, M) and (S', P, L, M), with unadjusted intervals."""
    differences = np.moveaxis(candidate.mean(0) - baseline.mean(0), 0, -1)  # (L, M, P): the same draws for all
    low, high = bootstrap_bounds(differences, design)
    return [
        {
            "label": label,
            "metric": metric,
            **_with_bounds(candidate[..., i, m], baseline[..., i, m], design, (low[i, m], high[i, m])),
        }
        for i, label in enumerate(labels)
        for m, metric in enumerate(METRICS)
    ]


def adjust(comparisons: Sequence[dict[str, Any]]) -> None:
    """Write Holm's adjusted p over all candidates into each comparison's `method`."""
    adjusted = secondary.holm([comparison["method"]["p"] for comparison in comparisons])
    for comparison, p in zip(comparisons, adjusted, strict=True):
        comparison["method"]["p_holm"] = p


def without_leaks(
    candidate: np.ndarray, baseline: np.ndarray, design: Design, leaked: set[tuple[int, str]]
) -> dict[str, Any] | None:
    """The primary comparison on the slots that are not leaked; None if fewer than two cases stay."""
    rest, keep = design.without(leaked)
    if rest.by_unit.shape[1] < 2:
        return None
    return {**intervals(candidate[:, keep], baseline[:, keep], rest), "cases": len(rest.case_names)}


def _power(interval: MethodInterval, design: Design, target: float) -> Mapping[str, Any]:
    smallest = smallest_difference(float(interval.se), float(interval.df))
    needed = None
    if interval.rule == "runs":
        needed = runs_needed(interval, target, len(design.fold_numbers))
    return {"smallest_difference": smallest, "target": target, "runs_needed": needed}


def _pair(bounds: tuple[np.ndarray, np.ndarray]) -> list[float]:
    return [float(bounds[0]), float(bounds[1])]
