"""The average difference over several data sets, from each one's intervals.

Two claims, which differ in what would be repeated: the cases and trainings on *these* data sets, or the data sets too.
All functions take leading batch axes, as those of `intervals` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval


class TheseByRuns(MethodInterval):
    """The average over these data sets, with two runs or more in both arms of each."""

    rule: ClassVar[str] = "runs"


class TheseByFolds(MethodInterval):
    """The average over these data sets, with one run in an arm of at least one."""

    rule: ClassVar[str] = "folds"


@dataclass(frozen=True)
class LikeThese(MethodInterval):
    """The average over data sets like these: t over the data sets' differences, D - 1 degrees of freedom.

    Attributes:
        heterogeneity_sd: SD of the true difference over data sets: what the differences vary more than each one's
            standard error explains; 0 if they do not.
        se_next: standard error of the difference that would be measured on one more data set like these.
    """

    heterogeneity_sd: np.ndarray
    se_next: np.ndarray

    rule: ClassVar[str] = "datasets"

    @property
    def prediction(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the difference that would be measured on one more data set like these."""
        return self._bounds(self.se_next)


def average_of_these(intervals: Sequence[MethodInterval]) -> MethodInterval:
    """The unweighted average over the data sets, with Satterthwaite's degrees of freedom over their variances.

    nan if one of them has no interval.
    """
    difference = np.stack([interval.difference for interval in intervals], -1)
    variance = np.stack([interval.se**2 for interval in intervals], -1)
    df = np.stack([interval.df for interval in intervals], -1)
    total = variance.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        satterthwaite = total**2 / (variance**2 / df).sum(-1)
    rule = TheseByRuns if all(interval.rule == "runs" for interval in intervals) else TheseByFolds
    df = np.where(total == 0, df.min(-1), satterthwaite)
    return rule(difference.mean(-1), np.sqrt(total) / len(intervals), df)


def average_of_such(intervals: Sequence[MethodInterval]) -> LikeThese | None:
    """The average over data sets like these; None for fewer than two data sets.

    Each data set counts alike, whatever its size: a random data set is one observation.
    """
    count = len(intervals)
    if count < 2:
        return None
    difference = np.stack([interval.difference for interval in intervals], -1)
    within = np.stack([interval.se**2 for interval in intervals], -1)
    between = difference.var(-1, ddof=1)
    return LikeThese(
        difference.mean(-1),
        np.sqrt(between / count),
        np.full(between.shape, float(count - 1)),
        heterogeneity_sd=np.sqrt(np.maximum(between - within.mean(-1), 0)),
        se_next=np.sqrt(between * (1 + 1 / count)),
    )
