"""The claims of a study in their order, over all its data sets: gatekeeping, and two named claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnunet_llm4seg.evaluation.statistics.decision import ALPHA, decisive_p
from nnunet_llm4seg.evaluation.statistics.judging import Judged, JudgedClaim, Pair, judge, judge_claim
from nnunet_llm4seg.evaluation.statistics.multiplicity import holm, in_sequence
from nnunet_llm4seg.evaluation.statistics.noise import largest_of_average
from nnunet_llm4seg.evaluation.statistics.posterior import probability_of_false_claim
from nnunet_llm4seg.evaluation.statistics.results import against_itself
from nnunet_llm4seg.study.arms import Claim


def climb(
    claims: Sequence[Claim],
    pairs: Mapping[Claim, Mapping[str, Pair]],
    level: Callable[[Claim], float],
) -> list[dict[str, Any]]:
    """Test the claims in their order, each only if all before it hold.

    Each claim is about the average over these data sets; with two data sets or more a second ladder, of the same
    order, is about data sets like these.

    Args:
        pairs: of each claim, the scores by data set; none for a claim that cannot be looked at yet.
        level: of each claim's test, after the earlier looks.

    Returns:
        One entry per claim for study.json: `these`, `like_these` (None for fewer than two data sets) and `datasets`.
    """
    steps = [_step(claim, pairs.get(claim, {}), level(claim)) for claim in claims]
    for ladder in ("these", "like_these"):
        entries = [step[ladder] for step in steps]
        verdicts = in_sequence(["none" if entry is None else entry["verdict"] for entry in entries])
        for entry, verdict in zip(entries, verdicts, strict=True):
            if entry is not None:
                entry["verdict"] = str(verdict)
    return steps


def _step(claim: Claim, by_data: Mapping[str, Pair], level: float) -> dict[str, Any]:
    """One claim, as if all before it held."""
    step: dict[str, Any] = {"claim": str(claim), "level": level, "these": None, "like_these": None, "datasets": {}}
    if not by_data:
        return step
    pairs = list(by_data.values())
    judged = judge_claim(pairs, level)
    noise = largest_of_average([(baseline, slots) for _, baseline, slots in pairs])
    step["these"] = {**_entry(judged.these), "baseline_noise": noise}
    if judged.such is not None and judged.such_interval is not None:
        step["like_these"] = {
            **_entry(judged.such),
            "heterogeneity_sd": float(judged.such_interval.heterogeneity_sd),
            "prediction": [float(bound) for bound in judged.such_interval.prediction],
        }
    step["datasets"] = _each(by_data, judged)
    return step


def _each(by_data: Mapping[str, Pair], judged: JudgedClaim) -> dict[str, dict[str, Any]]:
    """Each data set by itself; p by Holm over the data sets."""
    intervals = list(zip(judged.intervals, judged.folds, strict=True))
    adjusted = holm([float(decisive_p(one.p, over.p)) for one, over in intervals])
    found = {}
    for (name, pair), both, p in zip(by_data.items(), intervals, adjusted, strict=True):
        candidate, baseline, slots = pair
        differences = slots.unit_parts(candidate.mean(0) - baseline.mean(0)) / slots.unit_share
        itself = against_itself(baseline, slots)
        found[name] = {
            **_entry(judge(*both, ALPHA, p)),
            "p_holm": p,
            "probability_of_false_claim": probability_of_false_claim(differences),
            "baseline_noise": None if itself is None else itself["largest_mean_difference"],
        }
    return found


def _entry(judged: Judged) -> dict[str, Any]:
    return {
        "difference": float(judged.interval.difference),
        "interval": [float(bound) for bound in judged.interval.bounds],
        "p": float(judged.p),
        "verdict": str(judged.verdict),
    }
