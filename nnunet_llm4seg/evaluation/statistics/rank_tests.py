"""Whether most cases change: Wilcoxon's signed-rank test with its effect size, and shares of cases."""

from __future__ import annotations

import numpy as np

from nnunet_llm4seg.evaluation.statistics.distributions import average_ranks, normal_tail


def wilcoxon(differences: np.ndarray) -> tuple[float, float]:
    """Two-sided p of the signed-rank test and the rank-biserial effect size (-1 .. 1) of differences (N,).

    Zeros take part in the ranking and are then dropped (Pratt, 1959). If all differences are zero,
    p is 1 and the effect is 0.
    """
    if not np.any(differences):
        return 1.0, 0.0
    ranks = average_ranks(np.abs(differences))
    up, down = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    # W = up - down: without a difference each rank that is not of a zero has either sign with probability one half
    p = 2 * normal_tail(abs(up - down) / np.sqrt((ranks[differences != 0] ** 2).sum()))
    return float(p), float((up - down) / (up + down))


def shares(differences: np.ndarray) -> dict[str, float]:
    """Shares of cases that are better, the same and worse."""
    return {
        "better": float(np.mean(differences > 0)),
        "same": float(np.mean(differences == 0)),
        "worse": float(np.mean(differences < 0)),
    }
