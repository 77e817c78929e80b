"""A claim over one or several data sets: its intervals, p and verdict. All take leading batch axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnunet_llm4seg.evaluation.statistics.decision import decisive_p, verdict
from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval, fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.over_datasets import LikeThese, average_of_such, average_of_these
from nnunet_llm4seg.evaluation.statistics.slots import Slots

Pair = tuple[np.ndarray, np.ndarray, Slots]  # scores of candidate (..., S, P) and baseline (..., S', P)


@dataclass(frozen=True)
class Judged:
    """One test of a claim: its interval, the p that decides, and the verdict."""

    interval: MethodInterval
    p: np.ndarray
    verdict: np.ndarray


def judge(
    interval: MethodInterval, over_folds: MethodInterval, level: float, adjusted: np.ndarray | float | None = None
) -> Judged:
    """Judge by interval (b) and the interval over folds.

    Args:
        level: of the test.
        adjusted: the p that decides, adjusted for other claims; by default as it is.
    """
    p = decisive_p(interval.p, over_folds.p)
    return Judged(interval, p, verdict(interval, over_folds, p if adjusted is None else adjusted, level))


@dataclass(frozen=True)
class JudgedClaim:
    """A claim on each data set and over all of them.

    Attributes:
        intervals, folds: interval (b) and the interval over folds, by data set.
        these: on average over these data sets.
        such: over data sets like these; None for fewer than two.
        such_interval: its interval.
    """

    intervals: list[MethodInterval]
    folds: list[MethodInterval]
    these: Judged
    such: Judged | None
    such_interval: LikeThese | None


def judge_claim(pairs: Sequence[Pair], level: float) -> JudgedClaim:
    """Judge one claim from the scores on one data set or more."""
    intervals = [method_interval(*pair) for pair in pairs]
    folds: list[MethodInterval] = [fold_interval(*pair) for pair in pairs]
    these = judge(average_of_these(intervals), average_of_these(folds), level)
    such = average_of_such(intervals)
    return JudgedClaim(intervals, folds, these, None if such is None else judge(such, such, level), such)
