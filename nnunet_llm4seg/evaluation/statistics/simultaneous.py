"""Intervals for many labels and metrics at once: all of them contain their differences together with 95 %."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from nnunet_llm4seg.evaluation.statistics.intervals import LEVEL
from nnunet_llm4seg.evaluation.statistics.results import Estimate


def simultaneous(rows: Sequence[Estimate]) -> list[list[float]]:
    """Interval (b) of each row, by Bonferroni over all rows; nan where there is no interval.

    Labels and metrics of one case depend on each other in ways that nobody knows; Bonferroni needs no assumption.

    >>> row = {"difference": 0.02, "method": {"se": 0.01, "df": 8.0}}
    >>> [[round(bound, 3) for bound in interval] for interval in simultaneous([row] * 5)]
    [[-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054]]
    """
    share = (1 - LEVEL) / (2 * max(len(rows), 1))
    halves = [_half(row["method"]["se"], row["method"]["df"], share) for row in rows]
    return [[row["difference"] - half, row["difference"] + half] for row, half in zip(rows, halves, strict=True)]


def _half(se: float, df: float, share: float) -> float:
    return 0.0 if se == 0 else float(stats.t.isf(share, df) * se)
