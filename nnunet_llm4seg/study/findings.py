"""The numbers of a study over data sets, arms and layers, from what its comparisons have written."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.statistics.judging import Pair
from nnunet_llm4seg.evaluation.statistics.multiplicity import NOT_TESTED
from nnunet_llm4seg.evaluation.statistics.power import TARGET
from nnunet_llm4seg.evaluation.statistics.ranks import rank_stability
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.study.arms import Arm, Claim
from nnunet_llm4seg.study.comparable import Comparison
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.ladder import climb
from nnunet_llm4seg.study.layers import effective_rank, sweep_results, sweeps
from nnunet_llm4seg.study.looks import looking
from nnunet_llm4seg.study.scores import Scores, read_scores
from nnunet_llm4seg.study.trainings import Training, arm_plans, arm_trainer


def arm_name(study: Study, arm: Arm) -> str:
    """An arm as nnU-Net names it: TRAINER__PLANS."""
    return f"{arm_trainer(study, arm)}__{arm_plans(study, arm)}"


def find(study: Study, trainings: Sequence[Training], compared: Sequence[Comparison]) -> dict[str, Any]:
    """The content of study.json; the look that this is becomes part of the study's record.

    Args:
        trainings: all that are planned.
        compared: the comparisons that succeeded, with their files in the study's report folder.

    Raises:
        StudyError: a file of the study cannot be read.
    """
    folder = study.folder / "report"
    scores = {chosen.name: read_scores(folder / chosen.name / "per_case.csv") for chosen in compared}
    usable = [chosen for chosen in compared if len(scores[chosen.name].slots.unit_names) >= 2]
    pairs = {claim: _pairs(study, claim, usable, scores) for claim in study.ordered_claims}
    seen = {claim: _information(study, claim, trainings, usable) for claim in study.ordered_claims}
    with looking(study.folder) as looks:
        steps = climb(
            study.ordered_claims, pairs, lambda claim: looks.level(str(claim), seen[claim]) if pairs[claim] else 0.0
        )
        for claim, step in zip(study.ordered_claims, steps, strict=True):
            step["information"] = seen[claim]
            if pairs[claim]:
                looks.record(str(claim), seen[claim], (step["these"] or {}).get("verdict", NOT_TESTED))
            step["looks"] = looks.by_claim.get(str(claim), [])
    named = {claim.candidate for claim in study.ordered_claims}
    return {
        "study": study.name,
        "sha256": study.sha256,
        "target": TARGET / 100,
        "claims": steps,
        "leaked": {chosen.name: scores[chosen.name].leaked for chosen in compared if scores[chosen.name].leaked},
        "unused": [chosen.name for chosen in compared if chosen not in usable],
        "sweeps": [found for chosen in usable for found in _sweeps(study, chosen, scores[chosen.name], named)],
        "ranks": {chosen.name: _ranks(study, chosen, scores[chosen.name]) for chosen in usable},
        "per_case": [_write_per_case(study, chosen, scores[chosen.name], folder) for chosen in usable],
    }


def _pairs(study: Study, claim: Claim, compared: Sequence[Comparison], scores: dict[str, Scores]) -> dict[str, Pair]:
    """Scores of candidate and baseline of a claim, by data set."""
    found = {}
    for chosen in compared:
        candidates = {arm.name: arm for arm in chosen.candidates}
        if chosen.baseline.name == claim.baseline and claim.candidate in candidates:
            of = scores[chosen.name]
            ours = of.arms[arm_name(study, candidates[claim.candidate])]
            found[chosen.data.name] = (ours, of.arms[arm_name(study, chosen.baseline)], of.slots)
    return found


def _information(study: Study, claim: Claim, trainings: Sequence[Training], compared: Sequence[Comparison]) -> float:
    """Share of the planned folds and runs of a claim that its comparisons contain, over all data sets."""
    planned = sum(training.arm.name == claim.candidate for training in trainings)
    seen = sum(
        len(chosen.folds) * len(chosen.runs)
        for chosen in compared
        if chosen.baseline.name == claim.baseline and claim.candidate in {arm.name for arm in chosen.candidates}
    )
    return seen / planned if planned else 0.0


def _sweeps(study: Study, chosen: Comparison, of: Scores, named: Collection[str]) -> list[dict[str, Any]]:
    found = []
    for swept in sweeps(chosen.candidates):
        scores = {arm.name: of.arms[arm_name(study, arm)] for arm in swept}
        ranks = {arm.name: effective_rank(_fold_folders(study, chosen, arm)) for arm in swept}
        known = {name: rank for name, rank in ranks.items() if rank is not None}
        baseline = of.arms[arm_name(study, chosen.baseline)]
        found.append(
            {"comparison": chosen.name, **sweep_results(swept, scores, baseline, of.slots, named, known)},
        )
    return found


def _fold_folders(study: Study, chosen: Comparison, arm: Arm) -> list[Path]:
    model = f"{arm_name(study, arm)}__{chosen.data.configuration}"
    return [study.folder / "results" / "run_1" / chosen.data.name / model / f"fold_{fold}" for fold in chosen.folds]


def _ranks(study: Study, chosen: Comparison, of: Scores) -> dict[str, dict[str, float]]:
    arms = (chosen.baseline, *chosen.candidates)
    found = rank_stability({arm.name: of.arms[arm_name(study, arm)] for arm in arms}, of.slots)
    return {name: asdict(rank) for name, rank in found.items()}


def _write_per_case(study: Study, chosen: Comparison, of: Scores, folder: Path) -> str:
    """One row per case, one column per arm, for tools such as Claims Reloaded; the mean over runs and labels."""
    arms = (chosen.baseline, *chosen.candidates)
    means = [of.slots.case_means(of.arms[arm_name(study, arm)].mean(0)) for arm in arms]
    name = f"per_case_{chosen.name}.csv"
    with written_whole(folder / name) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["case", *(arm.name for arm in arms)])
        for case, *values in zip(of.slots.case_names, *np.round(means, 6).tolist(), strict=True):
            table.writerow([case, *values])
    return name
