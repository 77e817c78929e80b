"""From scores to numbers: everything that comparison.json says about one candidate and one baseline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from nnunet_llm4seg.evaluation.metrics import NAMES
from nnunet_llm4seg.evaluation.statistics.decision import decisive_p
from nnunet_llm4seg.evaluation.statistics.intervals import (
    FoldsInterval,
    MethodInterval,
    RunsInterval,
    fold_interval,
    mean_difference,
    method_interval,
    run_variance,
    trained_interval,
)
from nnunet_llm4seg.evaluation.statistics.multiplicity import holm
from nnunet_llm4seg.evaluation.statistics.power import TTest, runs_needed, smallest_with_range
from nnunet_llm4seg.evaluation.statistics.rank_tests import shares, wilcoxon
from nnunet_llm4seg.evaluation.statistics.records import (
    AgainstItself,
    ArmResult,
    Estimate,
    LeakFree,
    Method,
    MetricResult,
    PairResult,
    Power,
    PrimaryResult,
)
from nnunet_llm4seg.evaluation.statistics.slots import Slots


def describe_arm(scores: np.ndarray, slots: Slots) -> ArmResult:
    """One arm's primary metric (S, P): mean, run means, fold means, and its noise between runs."""
    runs = len(scores)
    of_fold = slots.fold_parts(scores) / slots.fold_share
    return {
        "mean": float(scores.mean(0) @ slots.weight),
        "runs": runs,
        "run_means": (scores @ slots.weight).tolist(),
        "run_sd": float(np.sqrt(run_variance(scores, slots))) if runs > 1 else None,
        "run_fold_sd": float(np.sqrt(of_fold.var(0, ddof=1).mean())) if runs > 1 else None,
        "fold_means": slots.fold_means(scores).tolist(),
    }


def against_itself(scores: np.ndarray, slots: Slots) -> AgainstItself | None:
    """The runs of one arm (S, P) against each other; None for one run."""
    if len(scores) < 2:
        return None
    pairs = [slots.case_means(scores[i] - scores[j]) for i, j in combinations(range(len(scores)), 2)]
    return {
        "pairs": len(pairs),
        "largest_mean_difference": float(max(abs(pair.mean()) for pair in pairs)),
        "case_sd": float(np.sqrt(np.mean([pair.var(ddof=1) for pair in pairs]))),
    }


def compare_primary(candidate: np.ndarray, baseline: np.ndarray, slots: Slots, *, target: float) -> PrimaryResult:
    """Everything about the primary metric of candidate (S, P) against baseline (S', P)."""
    interval = method_interval(candidate, baseline, slots)
    slot_differences = np.round(candidate.mean(0) - baseline.mean(0), 9)  # means of equal scores differ by 1e-17
    differences = slots.case_means(slot_differences)
    # One value per cluster for the tests that need exchangeable units.
    of_unit = slots.unit_parts(slot_differences) / slots.unit_share
    p, effect = wilcoxon(of_unit)
    cases, mean = shares(differences), float(differences.mean())
    against = {"most cases": cases["better"] - cases["worse"], "the ranks of the changes": effect}
    disagrees = [name for name, value in against.items() if value * mean < 0]
    folds = slots.fold_means(candidate) - slots.fold_means(baseline)
    return {
        **estimate(candidate, baseline, slots),
        "wilcoxon": {"p": p, "rank_biserial": effect, "disagrees": disagrees},
        "shares": cases,
        "fold_differences": folds.tolist(),
        "folds_won": int((folds > 0).sum()),
        "power": _power(interval, fold_interval(candidate, baseline, slots), slots, target),
    }


def estimate(candidate: np.ndarray, baseline: np.ndarray, slots: Slots) -> Estimate:
    """The difference of the means with both intervals, for scores (S, P) and (S', P)."""
    interval, over_folds = method_interval(candidate, baseline, slots), fold_interval(candidate, baseline, slots)
    method: Method = {
        "rule": interval.rule,
        "interval": _pair(interval.bounds),
        "se": float(interval.se),
        "df": float(interval.df),
        "p": float(interval.p),
        "p_over_folds": float(over_folds.p),
    }
    if isinstance(interval, RunsInterval):
        method["case_part"] = float(interval.case_part)
        method["run_parts"] = _pair(interval.run_parts)
        method["interval_over_folds"] = _pair(over_folds.bounds)
    elif isinstance(interval, FoldsInterval):
        method["interval_correlated"] = _pair(interval.bounds_correlated)
    return {
        "candidate_mean": float(candidate.mean(0) @ slots.weight),
        "baseline_mean": float(baseline.mean(0) @ slots.weight),
        "difference": float(mean_difference(candidate, baseline, slots)),
        "trained_models": {"interval": _pair(trained_interval(candidate.mean(0) - baseline.mean(0), slots).bounds)},
        "method": method,
    }


def describe_rest(
    candidate: np.ndarray, baseline: np.ndarray, slots: Slots, labels: Sequence[str]
) -> list[MetricResult]:
    """Every label and metric of scores (S, P, L, M) and (S', P, L, M), with unadjusted intervals."""
    return [
        {
            "label": label,
            "metric": metric,
            **estimate(candidate[..., i, m], baseline[..., i, m], slots),
        }
        for i, label in enumerate(labels)
        for m, metric in enumerate(NAMES)
    ]


def adjust(comparisons: Sequence[PairResult]) -> None:
    """Write Holm's adjusted p over all candidates into each comparison's `method`: of its decisive p."""
    methods = [comparison["method"] for comparison in comparisons]
    adjusted = holm([float(decisive_p(method["p"], method["p_over_folds"])) for method in methods])
    for method, p in zip(methods, adjusted, strict=True):
        method["p_holm"] = p


def without_leaks(
    candidate: np.ndarray, baseline: np.ndarray, slots: Slots, leaked: set[tuple[int, str]]
) -> LeakFree | None:
    """The primary comparison on the slots that are not leaked; None if fewer than two independent cases remain."""
    rest, keep = slots.without(leaked)
    if len(rest.unit_names) < 2:
        return None
    return {**estimate(candidate[:, keep], baseline[:, keep], rest), "cases": len(rest.case_names)}


def _power(interval: MethodInterval, over_folds: FoldsInterval, slots: Slots, target: float) -> Power:
    # a claim needs both intervals, which are one with one run
    both = [interval] if interval.rule == over_folds.rule else [interval, over_folds]
    smallest, *ends = smallest_with_range([TTest(float(part.se), float(part.df)) for part in both])
    needed = None
    if isinstance(interval, RunsInterval):
        needed = runs_needed(interval, over_folds, target, slots.effective_folds)
    return {
        "smallest_difference": smallest,
        "smallest_range": ends,
        "target": target,
        "runs_needed": needed.runs if needed else None,
        "runs_range": [needed.low, needed.high] if needed else None,
    }


def _pair(bounds: tuple[np.ndarray, np.ndarray]) -> list[float]:
    return [float(bounds[0]), float(bounds[1])]
