"""Intervals for many labels and metrics at once: all of them contain their differences together with 95 %."""

from __future__ import annotations

from collections.abc import Sequence

from nnunet_llm4seg.evaluation.statistics.distributions import t_quantile
from nnunet_llm4seg.evaluation.statistics.intervals import LEVEL
from nnunet_llm4seg.evaluation.statistics.records import Estimate


def simultaneous(rows: Sequence[Estimate]) -> list[list[float]]:
    """Interval (b) of each row, by Bonferroni over all rows; nan where there is no interval.

    Labels and metrics of one case depend on each other in ways that nobody knows; Bonferroni needs no assumption.

    >>> row = {"difference": 0.02, "method": {"se": 0.01, "df": 8.0}}
    >>> [[round(bound, 3) for bound in interval] for interval in simultaneous([row] * 5)]
    [[-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054], [-0.014, 0.054]]
    """
    return [
        simultaneous_interval(row["difference"], row["method"]["se"], row["method"]["df"], len(rows)) for row in rows
    ]


def simultaneous_interval(difference: float, se: float, df: float, count: int) -> list[float]:
    """A t interval that is one of `count` which all hold together, by Bonferroni."""
    half = 0.0 if se == 0 else float(-t_quantile((1 - LEVEL) / (2 * max(count, 1)), df) * se)
    return [difference - half, difference + half]
