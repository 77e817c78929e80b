"""Quantiles and tails of distributions, by scipy.special: scipy.stats gives the same, but takes a second to load."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special


def t_quantile(share: Any, df: Any) -> np.ndarray:
    """The value below which `share` of a t distribution is; nan without degrees of freedom."""
    return special.stdtrit(df, share)


def t_tail(value: Any, df: Any) -> np.ndarray:
    """Probability above a value of a t distribution.

    >>> round(float(t_tail(2.776445, 4)), 4)
    0.025
    """
    return special.stdtr(df, -np.asarray(value))


def noncentral_t_below(value: Any, df: Any, shift: Any) -> np.ndarray:
    """Probability below a value of a noncentral t distribution."""
    return special.nctdtr(df, shift, value)


def chi2_quantile(share: Any, df: Any) -> np.ndarray:
    """The value below which `share` of a chi-squared distribution is."""
    return 2 * special.gammaincinv(np.asarray(df) / 2, share)


def normal_tail(value: Any) -> np.ndarray:
    """Probability above a value of a normal distribution."""
    return special.ndtr(-np.asarray(value))


def normal_limit(share: Any) -> np.ndarray:
    """The value above which `share` of a normal distribution is."""
    return -special.ndtri(share)


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 of values (N,); equal values share the mean of their ranks.

    >>> average_ranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[at.ravel()]
