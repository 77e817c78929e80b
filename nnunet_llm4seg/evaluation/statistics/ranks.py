"""How stable the order of several arms is, by drawing cases and runs again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.slots import Slots

DRAWS = 1_000


@dataclass(frozen=True)
class Rank:
    """One arm's place in the order, 1 is the best.

    Attributes:
        rank: by the mean over cases.
        first: share of the draws in which it is first.
        low, high: 95 % of the draws are between them.
    """

    rank: float
    first: float
    low: float
    high: float


def rank_stability(
    scores: Mapping[str, np.ndarray], slots: Slots, draws: int = DRAWS, seed: int = 0
) -> dict[str, Rank]:
    """The ranks of arms with scores (S, P), where higher is better.

    Units (cases or clusters) are drawn with replacement inside their strata, the same ones for all arms; the runs of
    each arm and fold too, where there are several. With one run the order seems more stable than it is.
    """
    rng = np.random.default_rng(seed)
    share = slots.unit_share
    counts = np.zeros((draws, len(share)))
    for value in np.unique(slots.stratum):
        inside = np.flatnonzero(slots.stratum == value)
        counts[:, inside] = rng.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), draws)
    weight = counts * share
    slot_share = slots.weight / share[slots.unit_at] * weight[:, slots.unit_at] / weight.sum(1, keepdims=True)
    means = [_drawn_means(of_arm, slots, slot_share, rng) for of_arm in scores.values()]
    drawn = stats.rankdata(-np.round(np.stack(means), 12), axis=0)
    found = stats.rankdata(-np.round([of_arm.mean(0) @ slots.weight for of_arm in scores.values()], 12))
    ends = np.quantile(drawn, (0.025, 0.975), axis=1, method="closest_observation")
    return {
        name: Rank(float(found[i]), float(np.mean(drawn[i] == 1)), float(ends[0, i]), float(ends[1, i]))
        for i, name in enumerate(scores)
    }


def _drawn_means(scores: np.ndarray, slots: Slots, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means (draws,) of scores (S, P) with the slots' shares (draws, P), over runs that are drawn per fold."""
    runs, folds = len(scores), len(slots.fold_numbers)
    drawn = rng.multinomial(runs, np.full(runs, 1 / runs), (len(share), folds)) / runs  # (draws, F, S)
    return np.einsum("dp,dps,sp->d", share, drawn[:, slots.fold_at], scores, optimize=True)
