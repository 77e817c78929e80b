"""The two intervals of a paired difference between two arms; formulas and sources: docs/statistics.md.

(a) `trained_models`: other cases like these, the same trained models. t interval over units.
(b) `method`: other cases and other training runs. t interval whose variance counts both.
All functions take leading batch axes, so that a simulation runs the same code as users do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnunet_llm4seg.evaluation.statistics.distributions import t_quantile, t_tail
from nnunet_llm4seg.evaluation.statistics.slots import Slots

LEVEL = 0.95


@dataclass(frozen=True)
class MethodInterval:
    """Interval (b). Arrays share the scores' batch shape; nan if it cannot be computed."""

    difference: np.ndarray
    se: np.ndarray
    df: np.ndarray

    rule: ClassVar[str]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        return self._bounds(self.se)

    def _bounds(self, se: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        half = np.where(se == 0, 0.0, t_quantile((1 + LEVEL) / 2, self.df) * se)
        return self.difference - half, self.difference + half

    @property
    def p(self) -> np.ndarray:
        """Two-sided p of no difference between the methods."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.difference / self.se)
        p = 2 * t_tail(t, self.df)
        exact = self.se == 0
        return np.where(exact, np.where(self.difference == 0, 1.0, 0.0), p)


@dataclass(frozen=True)
class RunsInterval(MethodInterval):
    """Interval (b) with two runs or more in both arms.

    Attributes:
        case_part: variance of the difference that remains with any number of runs.
        case_df: its degrees of freedom, from the effective number of units.
        case_noise: variance of that estimate, half of it: its mean squares' term**2 / df.
        run_parts: variance of one run's mean, per arm: candidate, baseline.
        runs: their numbers.
    """

    case_part: np.ndarray
    case_df: float
    case_noise: np.ndarray
    run_parts: tuple[np.ndarray, np.ndarray]
    runs: tuple[int, int]

    rule: ClassVar[str] = "runs"


@dataclass(frozen=True)
class FoldsInterval(MethodInterval):
    """Interval (b) with one run: t over fold differences.

    Attributes:
        se_correlated: standard error with the correction of Nadeau and Bengio.
    """

    se_correlated: np.ndarray

    rule: ClassVar[str] = "folds"

    @property
    def bounds_correlated(self) -> tuple[np.ndarray, np.ndarray]:
        return self._bounds(self.se_correlated)


def mean_difference(candidate: np.ndarray, baseline: np.ndarray, slots: Slots) -> np.ndarray:
    """Mean over distinct cases of candidate (..., S, P) minus baseline (..., S', P), averaged over runs."""
    return (candidate.mean(-2) - baseline.mean(-2)) @ slots.weight


def trained_interval(difference: np.ndarray, slots: Slots) -> MethodInterval:
    """Interval (a) of the mean over cases of `difference` (..., P): t, with the variance between units in strata."""
    se = np.sqrt(slots.unit_variance(difference))
    unknown = slots.unit_df == 0
    se = np.full(np.shape(se), np.nan) if unknown else se
    return MethodInterval(difference @ slots.weight, se, np.full(np.shape(se), slots.unit_df or np.nan))


def method_interval(candidate: np.ndarray, baseline: np.ndarray, slots: Slots) -> MethodInterval:
    """Interval (b) for candidate (..., S, P) against baseline (..., S', P)."""
    if min(candidate.shape[-2], baseline.shape[-2]) >= 2:
        return _from_runs(candidate, baseline, slots)
    return fold_interval(candidate, baseline, slots)


def run_variance(scores: np.ndarray, slots: Slots) -> np.ndarray:
    """Variance of one run's mean over cases (...): within folds, between runs; scores (..., S >= 2, P)."""
    return slots.fold_parts(scores).var(-2, ddof=1).sum(-1)


def _from_runs(candidate: np.ndarray, baseline: np.ndarray, slots: Slots) -> RunsInterval:
    between = slots.unit_variance(candidate.mean(-2) - baseline.mean(-2))
    case_df = max(slots.unit_df, 1.0)
    terms, freedoms, run_parts, run_specific = [], [], [], []
    inside = between**2 / case_df
    for scores in (candidate, baseline):
        runs = scores.shape[-2]
        run_parts.append(run_variance(scores, slots))
        terms.append(run_parts[-1] / runs)
        freedoms.append(slots.effective_folds * (runs - 1))
        specific = slots.unit_variance(_run_by_case(scores, slots)).sum(-1) / (runs * (runs - 1))
        run_specific.append(specific)
        inside = inside + specific**2 / (case_df * (runs - 1))
    case_part = np.maximum(between - run_specific[0] - run_specific[1], 0)

    variance = terms[0] + terms[1] + case_part
    # Satterthwaite over the mean squares that enter; those of the case part only if it is above 0.
    case_noise = np.where(case_part > 0, inside, 0)
    noise = sum(term**2 / df for term, df in zip(terms, freedoms, strict=True)) + case_noise
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / noise
    # Mean squares that are subtracted can push Satterthwaite's number far below that of any of its parts.
    df = np.maximum(df, min(*freedoms, case_df))
    return RunsInterval(
        mean_difference(candidate, baseline, slots),
        np.sqrt(variance),
        df,
        case_part=case_part,
        case_df=case_df,
        case_noise=case_noise,
        run_parts=(run_parts[0], run_parts[1]),
        runs=(candidate.shape[-2], baseline.shape[-2]),
    )


def _run_by_case(scores: np.ndarray, slots: Slots) -> np.ndarray:
    """Residuals of scores (..., S, P) after the case's mean over runs and the run's mean in its fold are removed."""
    centred = scores - scores.mean(-2, keepdims=True)
    weights = slots.fold_share
    of_run = slots.fold_parts(centred) / weights  # (..., S, F)
    return centred - of_run[..., slots.fold_at]


def fold_interval(candidate: np.ndarray, baseline: np.ndarray, slots: Slots) -> FoldsInterval:
    """t over the F fold differences: includes the noise of runs, cases and training sets, but has only F - 1 df."""
    difference = candidate.mean(-2) - baseline.mean(-2)
    weights = slots.fold_share
    mean = difference @ slots.weight
    of_fold = slots.fold_parts(difference) / weights  # (..., F)
    n_folds = len(weights)
    if n_folds < 2:
        nothing = np.full(np.shape(mean), np.nan)
        return FoldsInterval(mean, nothing, nothing, se_correlated=nothing)
    # Unbiased for folds of any size whose differences have one variance; equal folds: the ordinary t test's.
    effective = (weights**2).sum()
    spread = effective / (1 - effective) * (weights * (of_fold - mean[..., None]) ** 2).sum(-1)
    # In a whole k-fold cross-validation a fold's test set is 1 / (k - 1) of its training set.
    ratio = 1 / (n_folds - 1) if slots.test_per_train is None else slots.test_per_train
    correlated = spread * (1 + n_folds * ratio)
    df = np.full(np.shape(mean), float(n_folds - 1))
    return FoldsInterval(mean, np.sqrt(spread), df, se_correlated=np.sqrt(correlated))
