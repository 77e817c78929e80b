"""A sweep over layers: the gain of each over one shared baseline, and what may be said about the best."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.evaluation.statistics.simultaneous import simultaneous_interval
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.evaluation.statistics.sweeps import judge_sweep, rank_correlation
from nnunet_llm4seg.study.arms import Arm


def sweeps(arms: Sequence[Arm]) -> list[list[Arm]]:
    """Arms that differ in nothing but the layer, by layer; two or more each."""
    groups: dict[LLM4SegConfig, list[Arm]] = {}
    for arm in arms:
        if arm.config is not None:
            groups.setdefault(replace(arm.config, layer=0), []).append(arm)
    return [sorted(group, key=_layer) for group in groups.values() if len(group) > 1]


def sweep_results(
    swept: Sequence[Arm],
    scores: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    slots: Slots,
    named: Collection[str],
    ranks: Mapping[str, float],
) -> dict[str, Any]:
    """All of one sweep on one data set, for study.json.

    Args:
        scores: of each arm by its name in the study (S, P).
        named: arms that a claim names, and which were so chosen before.
        ranks: effective rank of the features after the layer, of the arms that were analysed.
    """
    judged = judge_sweep([scores[arm.name] for arm in swept], baseline, slots)
    rows: list[dict[str, Any]] = []
    for arm, interval, p, verdict in zip(swept, judged.intervals, judged.p_holm, judged.verdicts, strict=True):
        band = simultaneous_interval(float(interval.difference), float(interval.se), float(interval.df), len(swept))
        rows.append(
            {
                "arm": arm.name,
                "layer": _layer(arm),
                "named": arm.name in named,
                "gain": float(interval.difference),
                "interval": [float(bound) for bound in interval.bounds],
                "band": band,
                "p_holm": float(p),
                "verdict": str(verdict),
                "effective_rank": ranks.get(arm.name),
            }
        )
    known = [row for row in rows if row["effective_rank"] is not None]
    correlation = rank_correlation(
        np.array([row["effective_rank"] for row in known]), np.array([row["gain"] for row in known])
    )
    return {
        "layers": rows,
        "chosen": max(rows, key=lambda row: row["gain"])["arm"],
        "cross_fitted_gain": float(judged.cross_fitted),
        "effective_rank_and_gain": {"layers": len(known), "spearman": correlation[0], "p": correlation[1]},
    }


def effective_rank(folds: Sequence[Path]) -> float | None:
    """Mean over cases and folds of the effective rank after the layer, from `analysis/analysis.csv`; None without.

    Raises:
        StudyError: such a file is damaged.
    """
    values: list[float] = []
    for path in (folder / "analysis" / "analysis.csv" for folder in folds):
        if not path.is_file():
            continue
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                values += [float(row["effective_rank"]) for row in rows if row.get("place") == "after"]
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            raise StudyError(f"{path} cannot be read ({error!r}); run `llm4seg analyze` again.") from error
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _layer(arm: Arm) -> int:
    assert arm.config is not None
    return arm.config.layer
