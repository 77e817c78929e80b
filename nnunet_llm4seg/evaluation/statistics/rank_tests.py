"""Whether most cases change: Wilcoxon's signed-rank test with its effect size, and shares of cases."""

from __future__ import annotations

import numpy as np
from scipy import stats


def wilcoxon(differences: np.ndarray) -> tuple[float, float]:
    """Two-sided p of the signed-rank test and the rank-biserial effect size (-1 .. 1) of differences (N,).

    Zeros take part in the ranking and are then dropped (Pratt, 1959). If all differences are zero,
    p is 1 and the effect is 0.
    """
    if not np.any(differences):
        return 1.0, 0.0
    p = float(stats.wilcoxon(differences, zero_method="pratt", method="approx").pvalue)
    ranks = stats.rankdata(np.abs(differences))
    up, down = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    return p, float((up - down) / (up + down))


def shares(differences: np.ndarray) -> dict[str, float]:
    """Shares of cases that are better, the same and worse."""
    return {
        "better": float(np.mean(differences > 0)),
        "same": float(np.mean(differences == 0)),
        "worse": float(np.mean(differences < 0)),
    }
