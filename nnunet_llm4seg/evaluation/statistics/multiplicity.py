"""Several claims share one allowance: Holm's adjustment of p-values, and claims that are tested in sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NOT_TESTED = "not tested"


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment of p-values, in the given order; a nan stays nan and is not counted."""
    return [float(p) for p in holm_each(np.array(p_values, float))]


def holm_each(p_values: np.ndarray) -> np.ndarray:
    """`holm` of p-values (L, ...), of each batch element by itself."""
    order = np.argsort(p_values, axis=0, kind="stable")  # nan last
    ordered = np.take_along_axis(p_values, order, 0)
    rank = np.arange(len(p_values)).reshape(-1, *[1] * (p_values.ndim - 1))
    stepped = np.minimum(1.0, ((~np.isnan(p_values)).sum(0) - rank) * ordered)
    adjusted = np.empty_like(p_values)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(stepped, 0), 0)
    return adjusted


def in_sequence(verdicts: Sequence[np.ndarray | str]) -> list[np.ndarray]:
    """The verdicts of claims in their order (gatekeeping): behind the first that is not `better` nothing is tested.

    >>> [str(verdict) for verdict in in_sequence(["better", "open", "better"])]
    ['better', 'open', 'not tested']
    """
    found, is_open = [], np.array(True)
    for words in map(np.asarray, verdicts):
        found.append(np.where(is_open, words, NOT_TESTED))
        is_open = is_open & (words == "better")
    return found
