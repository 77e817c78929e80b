"""The verdict on a candidate: what the intervals allow to be claimed."""

from __future__ import annotations

import numpy as np

from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval

ALPHA = 0.05


def decisive_p(method: np.ndarray | float, over_folds: np.ndarray | float) -> np.ndarray:
    """The p that decides a claim, before Holm: the larger of interval (b)'s p and the p over folds.

    A claim needs both intervals to exclude zero, so the larger p is valid (intersection-union test). With one fold
    there is no p over folds, and (b)'s is used.
    """
    return np.fmax(method, over_folds)


def verdict(
    interval: MethodInterval, over_folds: MethodInterval, p_holm: np.ndarray | float, level: float = ALPHA
) -> np.ndarray:
    """The verdict, element by element.

    `better` and `worse`: both intervals exclude zero, and Holm's adjusted p is significant. `ahead` and `behind`: the
    same for the only interval that exists, with one run in an arm or with one fold; this is no claim about the method.
    `open`: neither. `none`: there is no interval.

    Args:
        interval: (b).
        over_folds: the interval over folds; the same as `interval` with one run.
        p_holm: `decisive_p`, adjusted over all candidates.
        level: of the test, below `ALPHA` if earlier looks have spent a part of it.
    """
    significant = np.asarray(p_holm) < level
    signs = [np.where(low > 0, 1, np.where(high < 0, -1, 0)) for low, high in (interval.bounds, over_folds.bounds)]
    unknown = np.isnan(interval.se)
    one_fold = np.isnan(over_folds.se)
    sign = np.where(one_fold | (signs[0] == signs[1]), signs[0], 0) * significant
    no_claim = one_fold | (interval.rule == "folds")
    words = np.where(
        no_claim, np.array(["behind", "open", "ahead"])[sign + 1], np.array(["worse", "open", "better"])[sign + 1]
    )
    return np.where(unknown, "none", words)
