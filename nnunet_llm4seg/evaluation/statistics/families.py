"""Simulated families of claims, judged by the code that a study's report uses: is any of them false?

A ladder is a sequence of claims between arms, over all data sets; a sweep is many arms against one baseline.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.statistics.judging import Pair, judge_claim
from nnunet_llm4seg.evaluation.statistics.multiplicity import in_sequence
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario, levels
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.evaluation.statistics.sweeps import judge_sweep

_BATCH = 100
_SAID = ("better", "worse")


@dataclass(frozen=True)
class Family:
    """Arms of one study.

    Attributes:
        design: folds, runs, looks, data sets and SDs; those of a difference are split equally between its two arms.
            Its difference is not used.
        gains: true gain of each arm over the first one, in points; the first is 0.
        claims: candidate and baseline of each claim, as indices of arms, in their order.
    """

    design: Scenario
    gains: Sequence[float]
    claims: Sequence[tuple[int, int]] = ()


def simulate_ladder(family: Family) -> dict[str, Any]:
    """Shares of studies with any false claim, for both ladders, and of each claim that is made at any look.

    A false claim is a `better` where the true difference is not above zero, or a `worse` where it is not below.
    """
    false: dict[str, list[np.ndarray]] = {"these": [], "like_these": []}
    made: list[np.ndarray] = []
    for true, drawn in _drawn(family):
        wrong = {ladder: np.zeros(true.shape[-1], bool) for ladder in false}
        claimed = np.zeros((len(family.claims), true.shape[-1]), bool)
        for runs, level in levels(family.design):
            judged = [judge_claim(_pairs(drawn, claim, runs), level) for claim in family.claims]
            these = in_sequence([one.these.verdict for one in judged])
            such = in_sequence([one.such.verdict for one in judged if one.such is not None])
            for i, (ours, theirs) in enumerate(family.claims):
                wrong["these"] |= _is_false(these[i], (true[:, ours] - true[:, theirs]).mean(0))
                claimed[i] |= these[i] == "better"
                if such:
                    wrong["like_these"] |= _is_false(such[i], np.array(family.gains[ours] - family.gains[theirs]))
        for ladder, found in wrong.items():
            false[ladder].append(found)
        made.append(claimed)
    return {
        "these": _share(false["these"]),
        "like_these": _share(false["like_these"]) if family.design.datasets > 1 else None,
        "claimed": np.concatenate(made, -1).mean(-1).tolist(),
    }


def simulate_sweep(family: Family) -> dict[str, Any]:
    """Every arm against the first: false claims by Holm, and what is said of the arm with the largest gain.

    Returns:
        `any_false`: on one data set, at any look; `any_false_over_datasets`: on at least one of them. In points:
        `naive_bias` of the largest gain and `cross_fitted_bias`, against the chosen arm's true gain, at the last look.
    """
    false: list[np.ndarray] = []
    naive: list[np.ndarray] = []
    cross: list[np.ndarray] = []
    for true, drawn in _drawn(family):
        wrong = np.zeros((len(drawn), true.shape[-1]), bool)
        for i, (slots, arms) in enumerate(drawn):
            truth = true[i, 1:] - true[i, 0]
            for runs, _ in levels(family.design):
                cut = [scores[:, :runs] for scores in arms]
                judged = judge_sweep(cut[1:], cut[0], slots)
                for layer, verdict in enumerate(judged.verdicts):
                    wrong[i] |= _is_false(verdict, truth[layer])
            gains = np.array([interval.difference for interval in judged.intervals])
            best = gains.argmax(0)[None]
            of_best = np.take_along_axis(truth, best, 0)[0] / 100
            naive.append(100 * (np.take_along_axis(gains, best, 0)[0] - of_best))
            cross.append(100 * (judged.cross_fitted - of_best))
        false.append(wrong)
    each = np.concatenate(false, -1)
    return {
        "any_false": _share([each.ravel()]),
        "any_false_over_datasets": _share([np.asarray(each.any(0))]),
        "naive_bias": _mean(naive),
        "cross_fitted_bias": _mean(cross),
    }


_Drawn = list[tuple[Slots, list[np.ndarray]]]  # of each data set, the scores (count, S, P) of each arm


def _drawn(family: Family) -> Iterator[tuple[np.ndarray, _Drawn]]:
    """Batches: the true mean of each data set and arm (D, A, count), in points, and the scores."""
    design, slots = family.design, family.design.slots
    rng = np.random.default_rng(design.seed)
    for start in range(0, design.simulations, _BATCH):
        count = min(_BATCH, design.simulations - start)
        shape = (design.datasets, len(family.gains), count)
        true = np.array(family.gains)[:, None] + design.heterogeneity_sd / math.sqrt(2) * rng.standard_normal(shape)
        yield true, [(slots, [_scores(design, slots, i, of_arm, rng) for i, of_arm in enumerate(of)]) for of in true]


def _scores(design: Scenario, slots: Slots, arm: int, true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scores of one arm (count, S, P), as shares of one, for its true mean (count,)."""
    count, runs, folds = len(true), design.runs[min(arm, 1)], len(design.folds)
    lasting = design.case_sd * rng.standard_normal((count, 1, len(slots.unit_names)))[..., slots.unit_at]
    lasting += design.training_sd * rng.standard_normal((count, 1, folds))[..., slots.fold_at]
    scores = design.run_sd * rng.standard_normal((count, runs, folds))[..., slots.fold_at]
    scores += design.case_run_sd * rng.standard_normal((count, runs, len(slots.cases)))
    return (true[:, None, None] + lasting / math.sqrt(2) + scores) / 100


def _pairs(drawn: _Drawn, claim: tuple[int, int], runs: int | None) -> list[Pair]:
    return [(arms[claim[0]][:, :runs], arms[claim[1]][:, :runs], slots) for slots, arms in drawn]


def _is_false(verdict: np.ndarray, true: np.ndarray) -> np.ndarray:
    return ((verdict == _SAID[0]) & (true <= 0)) | ((verdict == _SAID[1]) & (true >= 0))


def _share(found: Sequence[np.ndarray]) -> tuple[float, float]:
    """A share with its Monte Carlo error."""
    each = np.concatenate(found)
    share = float(each.mean())
    return share, math.sqrt(share * (1 - share) / len(each))


def _mean(found: Sequence[np.ndarray]) -> tuple[float, float]:
    each = np.concatenate(found)
    return float(each.mean()), float(each.std() / math.sqrt(len(each)))
