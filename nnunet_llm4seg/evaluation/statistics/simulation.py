"""Simulated comparisons, judged by the code that the report uses: how often is a claim false?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.evaluation.statistics.decision import decisive_p, verdict
from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.slots import Slots

_BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is simulated; SDs and the difference in points of Dice.

    Attributes:
        folds: each fold's cluster sizes; the cases of a cluster share their permanent deviations.
        runs: of the baseline and of the candidate.
        run_sd: of a fold's mean per arm and run.
        case_run_sd: of a case per arm and run.
        case_sd: of the permanent difference between the arms over clusters.
        training_sd: of that difference over folds.
        difference: the true difference.
        datasets, heterogeneity_sd: number of data sets, and SD of the difference over them; only one data set can be
            simulated yet.
    """

    folds: list[list[int]]
    runs: list[int]
    run_sd: float = 1.0
    case_sd: float = 10.0
    case_run_sd: float = 10.0
    training_sd: float = 0.0
    difference: float = 0.0
    datasets: int = 1
    heterogeneity_sd: float = 0.0
    simulations: int = 2000
    seed: int = 1

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Scenario:
        """From the content of a scenario file.

        Raises:
            ConfigError: a key is unknown or missing, or a value cannot be simulated.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(content, Mapping):
            raise ConfigError(f"scenario: {content!r} is not an object; give the keys {', '.join(known)}.")
        for key in content:
            if key not in known:
                raise ConfigError(f"scenario: {key!r} is not a key; choose from {', '.join(known)}.")
        for key in ("folds", "runs"):
            if key not in content:
                raise ConfigError(f"scenario: {key} is missing; give it.")
        scenario = cls(**content)
        scenario._check()
        return scenario

    def _check(self) -> None:
        sizes = [size for fold in self.folds for size in fold]
        if len(sizes) < 2 or not all(isinstance(size, int) and size > 0 for size in sizes) or not all(self.folds):
            raise ConfigError(
                f"scenario: folds {self.folds!r} are not allowed; give each fold's cluster sizes, from 1."
            )
        if len(self.runs) != 2 or not all(isinstance(runs, int) and runs > 0 for runs in self.runs):
            raise ConfigError(f"scenario: runs {self.runs!r} are not allowed; give those of baseline and candidate.")
        for name in ("run_sd", "case_sd", "case_run_sd", "training_sd", "heterogeneity_sd"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"scenario: {name} {getattr(self, name)!r} is not allowed; give a number from 0.")
        if self.simulations < 1:
            raise ConfigError(f"scenario: simulations {self.simulations!r} is not allowed; give a number from 1.")
        if self.datasets != 1 or self.heterogeneity_sd:
            raise ConfigError(
                f"scenario: datasets {self.datasets} with heterogeneity_sd {self.heterogeneity_sd} cannot be simulated"
                " yet; give 1 and 0."
            )

    @property
    def slots(self) -> Slots:
        """The slots of all cases, with their clusters."""
        places = [(f, c, i) for f, sizes in enumerate(self.folds) for c, size in enumerate(sizes) for i in range(size)]
        names = [f"{f}-{c}-{i}" for f, c, i in places]
        clusters = {name: f"{f}-{c}" for name, (f, c, _) in zip(names, places, strict=True)}
        return Slots(tuple(f for f, _, _ in places), tuple(names), clusters)


def simulate(scenario: Scenario) -> dict[str, Any]:
    """Shares of verdicts, coverage of (b), and false claims with their Monte Carlo error.

    A false claim is a `better` where the true difference is not above zero, or a `worse` where it is not below.
    """
    slots, rng = scenario.slots, np.random.default_rng(scenario.seed)
    verdicts, covered = [], []
    for start in range(0, scenario.simulations, _BATCH):
        count = min(_BATCH, scenario.simulations - start)
        baseline, candidate = _scores(scenario, slots, count, rng)
        interval, over_folds = method_interval(candidate, baseline, slots), fold_interval(candidate, baseline, slots)
        verdicts.append(verdict(interval, over_folds, decisive_p(interval, over_folds)))
        low, high = interval.bounds
        true = scenario.difference / 100
        covered.append(np.where(np.isnan(low), np.nan, (low <= true) & (true <= high)))
    words, inside = np.concatenate(verdicts), np.concatenate(covered)
    better, worse = float(np.mean(words == "better")), float(np.mean(words == "worse"))
    false = (0 if scenario.difference > 0 else better) + (0 if scenario.difference < 0 else worse)
    return {
        "coverage": None if np.isnan(inside).all() else float(np.nanmean(inside)),
        "better": better,
        "worse": worse,
        "no_claim": float(1 - better - worse),
        "false_claims": false,
        "monte_carlo_error": math.sqrt(false * (1 - false) / len(words)),
    }


def _scores(scenario: Scenario, slots: Slots, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores of both arms, (count, runs, P) each, as shares of one."""
    fold = np.array(slots.folds)
    unit = slots.unit_at
    shape = (count, 1, len(fold))
    gain = np.full(shape, scenario.difference)
    gain += scenario.case_sd * rng.standard_normal((count, 1, len(slots.unit_names)))[..., unit]
    gain += scenario.training_sd * rng.standard_normal((count, 1, len(scenario.folds)))[..., fold]
    arms = []
    for runs, lasting in zip(scenario.runs, (np.zeros_like(gain), gain), strict=True):
        scores = scenario.run_sd * rng.standard_normal((count, runs, len(scenario.folds)))[..., fold]
        scores += scenario.case_run_sd * rng.standard_normal((count, runs, len(fold)))
        arms.append((scores + lasting) / 100)
    return arms[0], arms[1]
