"""How much the path through the layer contributes at the end of each arm's trainings, from their logs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.nnunet.shares import share_warning


def layer_shares(every: Sequence[Arm], folds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """By arm whose logs tell it: mean and smallest share of the last epoch over runs and folds, and the mean gate."""
    found = {}
    for arm in every:
        logs = [run.log(fold) for run in arm.runs for fold in folds]
        shares = [_last(log.layer_share) for log in logs if log.layer_share]
        gates = [_last(log.gate) for log in logs if log.gate]
        shares = [share for share in shares if not math.isnan(share)]
        if shares:
            found[arm.name] = {
                "share": mean(shares),
                "least": min(shares),
                "gate": mean(gates) if gates else None,
                "trainings": len(shares),
            }
    return found


def share_warnings(shares: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each arm whose path contributes too little to be about the layer."""
    said = {name: share_warning(found["share"]) for name, found in shares.items()}
    return [f"{name}: {sentence}" for name, sentence in said.items() if sentence]


def _last(by_epoch: Mapping[int, float]) -> float:
    return by_epoch[max(by_epoch)]
