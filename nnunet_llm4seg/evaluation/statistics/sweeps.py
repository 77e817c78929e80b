"""What a sweep over many settings may say about the one that it chose."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.decision import decisive_p, verdict
from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval, fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.multiplicity import holm_each
from nnunet_llm4seg.evaluation.statistics.slots import Slots

_MOST = 5_040  # permutations that are all tried: those of seven settings


@dataclass(frozen=True)
class Swept:
    """L settings against one shared baseline; arrays may have batch axes behind or before, as in `intervals`.

    Attributes:
        intervals: (b) of each setting.
        p_holm, verdicts: of each setting (L, ...), by Holm over all.
        cross_fitted: gain of the chosen setting, without its advantage.
    """

    intervals: list[MethodInterval]
    p_holm: np.ndarray
    verdicts: np.ndarray
    cross_fitted: np.ndarray


def judge_sweep(scores: Sequence[np.ndarray], baseline: np.ndarray, slots: Slots) -> Swept:
    """Judge every setting of a sweep, from scores (..., S, P) of each and of the baseline."""
    intervals = [method_interval(of_one, baseline, slots) for of_one in scores]
    folds = [fold_interval(of_one, baseline, slots) for of_one in scores]
    p_holm = holm_each(np.array([decisive_p(one.p, over.p) for one, over in zip(intervals, folds, strict=True)]))
    verdicts = [verdict(one, over, p) for one, over, p in zip(intervals, folds, p_holm, strict=True)]
    gains = [slots.fold_parts(of_one.mean(-2) - baseline.mean(-2)) / slots.fold_share for of_one in scores]
    return Swept(intervals, p_holm, np.array(verdicts), cross_fitted_each(np.stack(gains, -2), slots.fold_share))


def cross_fitted(gains: np.ndarray, share: np.ndarray) -> float:
    """Gain of the chosen setting, without the advantage that it has from being chosen on the same cases.

    In turn each fold is held out: the setting with the largest mean gain over the other folds is measured on it. An
    effect size, not a test. nan with one fold.

    Args:
        gains: of each setting and fold (L, F).
        share: weight of each fold in the mean (F,).

    >>> cross_fitted(np.array([[0.03, 0.01], [0.02, 0.05]]), np.array([0.5, 0.5]))
    0.015
    """
    return float(cross_fitted_each(gains, share))


def cross_fitted_each(gains: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`cross_fitted` of gains (..., L, F), of each batch element by itself."""
    folds = gains.shape[-1]
    if folds < 2:
        return np.full(gains.shape[:-2], np.nan)
    held_out = np.zeros(gains.shape[:-2])
    for fold in range(folds):
        others = np.arange(folds) != fold
        chosen = (gains[..., others] @ share[others]).argmax(-1)
        held_out += share[fold] * np.take_along_axis(gains[..., fold], chosen[..., None], -1)[..., 0]
    return held_out / share.sum()


def rank_correlation(x: np.ndarray, y: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Spearman's correlation of x and y (L,) and its two-sided p by permutation; nan for fewer than three pairs.

    Up to seven pairs all permutations are tried, above that 10,000 random ones.
    """
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan"), float("nan")
    first, second = stats.rankdata(x), stats.rankdata(y)
    first, second = first - first.mean(), second - second.mean()
    if math.factorial(len(x)) <= _MOST:
        orders = np.array(list(itertools.permutations(range(len(x)))))
        own = 0
    else:
        orders = np.random.default_rng(seed).permuted(np.tile(np.arange(len(x)), (10_000, 1)), axis=1)
        own = 1  # the order that was found is one of them
    found = float(first @ second)
    as_large = int((np.abs(first[orders] @ second) >= abs(found) - 1e-9).sum())
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return found / scale, (as_large + own) / (len(orders) + own)
