"""What these cases and runs could have shown, and how many runs a given difference needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from nnunet_llm4seg.evaluation.statistics.distributions import (
    chi2_quantile,
    noncentral_t_below,
    t_quantile,
)
from nnunet_llm4seg.evaluation.statistics.intervals import LEVEL, FoldsInterval, RunsInterval

POWER = 0.8
TARGET = 0.8  # points: half a point to one is what papers claim; `--target` sets another
MOST_RUNS = 1_000
_QUANTILES = (np.arange(64) + 0.5) / 64
_DRAWS = 400
_MOST_DF = 1e6


@dataclass(frozen=True)
class TTest:
    """A t test of a difference whose standard error is taken for the true one."""

    se: float
    df: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.se) and self.df > 0)

    def at(self, quantile: float) -> TTest:
        """With the standard error that is the true one if the estimate is at this quantile of its distribution."""
        df = min(self.df, _MOST_DF)
        return TTest(float(self.se * np.sqrt(df / chi2_quantile(quantile, df))), self.df)


@dataclass(frozen=True)
class Needed:
    """Runs per arm and fold. None: even many runs are not enough, more cases are needed.

    Attributes:
        low, high: the 95 % range that the uncertainty of the variances leaves; `high` may be None.
    """

    runs: int | None
    low: int | None
    high: int | None


def power(difference: float, *tests: TTest) -> float:
    """Probability that all two-sided t tests detect a true difference; all look at the same measured difference."""
    if len(tests) == 1:
        return _power_of_one(difference, tests[0])
    # each standard error's estimate is independent of the measured difference
    critical = np.zeros(1)
    for test in tests:
        df = min(test.df, _MOST_DF)
        limits = t_quantile((1 + LEVEL) / 2, df) * test.se * np.sqrt(chi2_quantile(_QUANTILES, df) / df)
        critical = np.maximum.outer(critical, limits).ravel()
    spread = max(test.se for test in tests)
    beyond = special.ndtr((difference - critical) / spread) + special.ndtr((-difference - critical) / spread)
    return float(beyond.mean())


def _power_of_one(difference: float, test: TTest) -> float:
    critical = t_quantile((1 + LEVEL) / 2, test.df)
    shift = difference / test.se
    other_side = np.nan_to_num(noncentral_t_below(-critical, test.df, shift))  # nan if it is below 1e-300
    return float(1 - noncentral_t_below(critical, test.df, shift) + other_side)


def smallest_difference(*tests: TTest) -> float:
    """The true difference that all tests detect with 80 % power; 0 if nothing varies, nan if it cannot be computed."""
    if not tests or not all(test.known for test in tests):
        return float("nan")
    varying = [test for test in tests if test.se > 0]
    if not varying:
        return 0.0
    largest = max(test.se for test in varying)
    high = 3 * largest
    while power(high, *varying) < POWER:
        high *= 2
        if not np.isfinite(high):
            return float("nan")
    from scipy import optimize  # takes half a second to load

    try:
        return float(optimize.brentq(lambda d: power(d, *varying) - POWER, 0.01 * largest, high))
    except ValueError:  # too few degrees of freedom: the power is never below 80 % or never known
        return float("nan")


def smallest_with_range(tests: Sequence[TTest]) -> tuple[float, float, float]:
    """The smallest detectable difference with its 95 % range; all nan if it cannot be computed.

    The median of the estimated standard errors lies below the true one with few degrees of freedom; this is corrected.
    """
    tests = [test for test in tests if test.known]
    middle, low, high = (
        smallest_difference(*(test.at(quantile) for test in tests)) for quantile in (0.5, 0.975, 0.025)
    )
    return middle, low, high


def runs_needed(interval: RunsInterval, over_folds: FoldsInterval, target: float, n_folds: float) -> Needed:
    """Runs per arm and fold at which interval (b) and that over folds both detect `target` with 80 % power.

    The gain is taken to be the same for other training sets: a few folds cannot tell how much it depends on them.

    Args:
        n_folds: the effective number of folds.
        interval, over_folds: of one comparison (0-dimensional arrays).
        target: a difference of the metric itself (0.008 = 0.8 points).
    """
    parts = [float(part) for part in interval.run_parts]
    design = _Design(
        run=sum(parts),
        run_df=n_folds * sum(parts) ** 2 / sum(part**2 for part in parts) if any(parts) else 2 * n_folds,
        n_folds=n_folds,
        case=float(interval.case_part),
        case_noise=float(interval.case_noise),
        case_df=interval.case_df,
        fold_df=float(np.nan_to_num(over_folds.df)),
    )
    point = design.runs_for(target)
    drawn = design.ordered(target, design.run_df * (min(interval.runs) - 1))
    ends = [drawn[int(share * (_DRAWS - 1))].runs_for(target) for share in (0.025, 0.975)]
    low = min((end for end in (ends[0], point) if end is not None), default=None)
    high = None if ends[1] is None or point is None else max(ends[1], point)
    return Needed(point, low, high)


@dataclass(frozen=True, kw_only=True)
class _Design:
    """What the power depends on, apart from the number of runs.

    Attributes:
        run: variance of one run's difference; a number of runs divides it.
        run_df: degrees of freedom of its estimate, for each run above the first.
        case, case_noise, case_df: as in `RunsInterval`.
        fold_df: of the interval over folds; 0 if there is none.
    """

    run: float
    run_df: float
    n_folds: float
    case: float
    case_noise: float
    case_df: float
    fold_df: float

    def tests(self, runs: int) -> list[TTest]:
        """The t tests of (b) and over folds with so many runs."""
        between = self.run / runs
        variance = between + self.case
        noise = between**2 / (self.run_df * (runs - 1)) + self.case_noise
        df = variance**2 / noise if noise else _MOST_DF
        df = max(df, min(self.n_folds * (runs - 1), self.case_df))  # as in interval (b)
        se = float(np.sqrt(variance))
        return [TTest(se, min(df, _MOST_DF)), *([TTest(se, self.fold_df)] if self.fold_df else [])]

    def runs_for(self, target: float) -> int | None:
        def enough(runs: int) -> bool:
            tests = self.tests(runs)
            return tests[0].se == 0 or power(target, *tests) >= POWER

        return _first(enough)

    def ordered(self, target: float, df: float) -> list[_Design]:
        """What the true variances may be if these are the estimates, in the order of the runs that they need.

        Args:
            df: of the estimate of `run`.
        """
        rng = np.random.default_rng(0)
        run = self.run * df / np.maximum(rng.chisquare(df, _DRAWS), 1e-9)
        # a difference of mean squares, whose variance is twice the noise
        case = np.maximum(self.case + np.sqrt(2 * self.case_noise) * rng.standard_normal(_DRAWS), 0)
        shift = max(t_quantile((1 + LEVEL) / 2, test.df) + t_quantile(POWER, test.df) for test in self.tests(20))
        room = (target / shift) ** 2 - case
        need = np.where(room > 0, run / np.maximum(room, 1e-300), 1e300 - room)
        return [replace(self, run=float(run[i]), case=float(case[i])) for i in np.argsort(need, kind="stable")]


def _first(enough: Callable[[int], bool]) -> int | None:
    """The smallest number of runs, from 2, that is enough."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if low >= MOST_RUNS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
