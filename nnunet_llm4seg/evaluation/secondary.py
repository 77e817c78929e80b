"""Secondary statistics: Wilcoxon, rank-biserial effect, shares of cases, per-fold means, Holm."""

from __future__ import annotations

import numpy as np
from scipy import stats

from nnunet_llm4seg.evaluation.design import Design


def wilcoxon(differences: np.ndarray) -> tuple[float, float]:
    """Two-sided p of the signed-rank test and the rank-biserial effect size (-1 .. 1) of differences (N,).

    Zeros take part in the ranking and are then dropped (Pratt, 1959). Without any non-zero
    difference p is 1 and the effect 0.
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


def fold_means(scores: np.ndarray, design: Design) -> np.ndarray:
    """Mean of each fold (F,) over its own validation cases and all runs, from scores (S, P)."""
    return np.array([scores[:, np.equal(design.folds, fold)].mean() for fold in design.fold_numbers])


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment of p-values, in the given order; a nan stays nan and is not counted."""
    adjusted = [float("nan")] * len(p_values)
    known = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = highest
    return adjusted
