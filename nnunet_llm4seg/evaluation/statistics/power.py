"""What these cases and runs could have shown, and how many runs a given difference needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from nnunet_llm4seg.evaluation.statistics.intervals import LEVEL, RunsInterval

POWER = 0.8
MOST_RUNS = 1_000


def power(difference: float, se: float, df: float) -> float:
    """Power of the two-sided t test for a true difference (noncentral t)."""
    critical = stats.t.ppf((1 + LEVEL) / 2, df)
    shift = difference / se
    other_side = np.nan_to_num(stats.nct.cdf(-critical, df, shift))  # nan if it is below 1e-300
    return float(stats.nct.sf(critical, df, shift) + other_side)


def smallest_difference(se: float, df: float) -> float:
    """The true difference that is detected with 80 % power; 0 if nothing varies, nan if it cannot be computed."""
    if se == 0:
        return 0.0
    if np.isnan(se) or not df > 0:
        return float("nan")
    high = 3 * se
    while power(high, se, df) < POWER:
        high *= 2
        if not np.isfinite(high):
            return float("nan")
    try:
        return float(optimize.brentq(lambda d: power(d, se, df) - POWER, 0.01 * se, high))
    except ValueError:  # too few degrees of freedom: the power is never below 80 % or never known
        return float("nan")


def runs_needed(interval: RunsInterval, target: float, n_folds: float) -> int | None:
    """Runs per arm and fold that detect a true difference of `target` with 80 % power.

    None if even many runs are not enough: then more cases are needed, not more runs.

    Args:
        n_folds: the effective number of folds.
        interval: of one comparison (0-dimensional arrays).
        target: a difference of the metric itself (0.008 = 0.8 points).
    """
    case_part = float(interval.case_part)
    parts = [float(part) for part in interval.run_parts]

    def enough(runs: int) -> bool:
        variance = sum(parts) / runs + case_part
        if variance == 0:
            return True
        noise = sum((part / runs) ** 2 / (n_folds * (runs - 1)) for part in parts) + float(interval.case_noise)
        df = variance**2 / noise if noise else 1e6
        df = max(df, min(n_folds * (runs - 1), interval.case_df))  # as in interval (b)
        return power(target, np.sqrt(variance), min(df, 1e6)) >= POWER

    return next((runs for runs in range(2, 50) if enough(runs)), None) or _search(enough)


def _search(enough: Callable[[int], bool]) -> int | None:
    if not enough(MOST_RUNS):
        return None
    low, high = 49, MOST_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
