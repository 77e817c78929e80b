"""What a sweep over many settings may say about the one that it chose."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import stats

_MOST = 5_040  # permutations that are all tried: those of seven settings


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
    folds = gains.shape[1]
    if folds < 2:
        return float("nan")
    held_out = []
    for fold in range(folds):
        others = np.arange(folds) != fold
        chosen = int((gains[:, others] @ share[others]).argmax())
        held_out.append(gains[chosen, fold])
    return float(np.array(held_out) @ share / share.sum())


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
