"""The content of comparison.json as types: their keys are a file format."""

from __future__ import annotations

from typing import TypedDict


class ArmResult(TypedDict):
    """One arm's primary metric. `run_sd`: SD between runs of the mean over all cases; `run_fold_sd`: of one fold."""

    mean: float
    runs: int
    run_means: list[float]
    run_sd: float | None
    run_fold_sd: float | None
    fold_means: list[float]


class AgainstItself(TypedDict):
    """The baseline's runs against each other: the differences that the random seed alone makes."""

    pairs: int
    largest_mean_difference: float
    case_sd: float


class TrainedModels(TypedDict):
    """Interval (a)."""

    interval: list[float]


class Method(TypedDict, total=False):
    """Interval (b); `interval_correlated` by the rule `folds`, the last three keys before it by the rule `runs`."""

    rule: str
    interval: list[float]
    se: float
    df: float
    p: float
    p_over_folds: float
    p_holm: float
    case_part: float
    run_parts: list[float]
    interval_over_folds: list[float]
    interval_correlated: list[float]


class Estimate(TypedDict):
    """A difference of means with both intervals."""

    candidate_mean: float
    baseline_mean: float
    difference: float
    trained_models: TrainedModels
    method: Method


class LeakFree(Estimate):
    """An estimate without the leaked cases."""

    cases: int


class Wilcoxon(TypedDict):
    """The signed-rank test, and what points in the opposite direction to the mean."""

    p: float
    rank_biserial: float
    disagrees: list[str]


class Power(TypedDict):
    """What could have been detected with 80 % power, and the number of runs that detects `target`.

    The ranges (95 %) are what the estimated variances leave open; an upper end of None for runs is `more cases`.
    """

    smallest_difference: float
    smallest_range: list[float]
    target: float
    runs_needed: int | None
    runs_range: list[int | None] | None


class PrimaryResult(Estimate):
    """The primary metric of one candidate."""

    wilcoxon: Wilcoxon
    shares: dict[str, float]
    fold_differences: list[float]
    folds_won: int
    power: Power


class PairResult(PrimaryResult, total=False):
    """A candidate's result with what may be claimed; `without_leaks` only where cases are leaked."""

    candidate: str
    without_leaks: LeakFree | None
    verdict: str
    claim: str


class MetricResult(Estimate):
    """One label and metric, descriptive."""

    label: str
    metric: str


class DescriptiveRow(MetricResult):
    """One label and metric of one candidate; `simultaneous`: interval (b), adjusted for all these rows together."""

    candidate: str
    simultaneous: list[float]
