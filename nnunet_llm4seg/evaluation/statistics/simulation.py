"""Simulated comparisons, judged by the code that the report uses: how often is a claim false?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.evaluation.statistics.decision import ALPHA, decisive_p, verdict
from nnunet_llm4seg.evaluation.statistics.intervals import MethodInterval, fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.looks import Look, next_level
from nnunet_llm4seg.evaluation.statistics.over_datasets import average_of_such, average_of_these
from nnunet_llm4seg.evaluation.statistics.slots import Slots

_BATCH = 250
_Scores = list[tuple[np.ndarray, np.ndarray]]  # of baseline and candidate, by data set


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
        datasets, heterogeneity_sd: number of data sets, all with these folds, and SD of the difference over them.
        looks: numbers of runs after which the report is looked at; each look spends alpha, and the first claim counts.
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
    looks: tuple[int, ...] | list[int] = ()

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
        try:
            scenario._check()
        except TypeError as error:
            raise ConfigError(f"scenario: a value is of the wrong type ({error}); correct it.") from error
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
        if not isinstance(self.datasets, int) or self.datasets < 1:
            raise ConfigError(f"scenario: datasets {self.datasets!r} is not allowed; give a number from 1.")
        if list(self.looks) != sorted(set(self.looks)) or any(not 1 <= runs <= min(self.runs) for runs in self.looks):
            raise ConfigError(
                f"scenario: looks {self.looks!r} are not allowed; give growing numbers of runs up to {min(self.runs)}."
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

    A false claim is a `better` where the true difference is not above zero, or a `worse` where it is not below. With
    several data sets the claim is about the average over these, whose true difference contains their heterogeneity;
    `like_these` is the claim about the average over data sets like these, whose true difference is the scenario's.
    With looks the verdict is the first claim that a look makes, and the coverage that at the last look.
    """
    slots, rng = scenario.slots, np.random.default_rng(scenario.seed)
    taken = levels(scenario)
    found = []
    for start in range(0, scenario.simulations, _BATCH):
        count = min(_BATCH, scenario.simulations - start)
        effects = scenario.difference + scenario.heterogeneity_sd * rng.standard_normal((scenario.datasets, count))
        scores = [_scores(scenario, slots, effect, rng) for effect in effects]
        looks = [_Judged.of(scores, slots, runs, level) for runs, level in taken]
        found.append((effects.mean(0) / 100, looks))
    summary = _summary([(true, [look.these for look in looks]) for true, looks in found])
    if scenario.datasets > 1:
        truth = scenario.difference / 100
        such = [(np.full(true.shape, truth), [look.such for look in looks]) for true, looks in found]
        summary["like_these"] = _summary(such)
    return summary


def simulated_scores(scenario: Scenario, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of baseline and candidate, (count, runs, P) each, of simulated comparisons on one data set."""
    rng = np.random.default_rng(scenario.seed)
    return _scores(scenario, scenario.slots, np.full(count, scenario.difference), rng)


@dataclass(frozen=True)
class _Judged:
    """One look at a batch: the interval and the verdicts of the claim about these data sets and about such."""

    these: tuple[MethodInterval, np.ndarray]
    such: tuple[MethodInterval, np.ndarray]

    @classmethod
    def of(cls, scores: _Scores, slots: Slots, runs: int | None, level: float) -> _Judged:
        cut = [(baseline[:, :runs], candidate[:, :runs]) for baseline, candidate in scores]
        by_data = [method_interval(candidate, baseline, slots) for baseline, candidate in cut]
        folds = [fold_interval(candidate, baseline, slots) for baseline, candidate in cut]
        of_such = average_of_such(by_data)
        if of_such is None:
            return cls(_judge(by_data[0], folds[0], level), _judge(by_data[0], folds[0], level))
        these = _judge(average_of_these(by_data), average_of_these(folds), level)
        return cls(these, _judge(of_such, of_such, level))


def _judge(interval: MethodInterval, over: MethodInterval, level: float) -> tuple[MethodInterval, np.ndarray]:
    return interval, verdict(interval, over, decisive_p(interval.p, over.p), level)


def levels(scenario: Scenario) -> list[tuple[int | None, float]]:
    """The runs and the level of each look; without looks all runs at the full level."""
    if not scenario.looks:
        return [(None, ALPHA)]
    taken: list[Look] = []
    for runs in scenario.looks:
        information = runs / max(scenario.runs)
        taken.append(Look(information, next_level(taken, information)))
    return [(runs, look.level) for runs, look in zip(scenario.looks, taken, strict=True)]


def _summary(found: Sequence[tuple[np.ndarray, Sequence[tuple[MethodInterval, np.ndarray]]]]) -> dict[str, Any]:
    words, covered, truth = [], [], []
    for true, looks in found:
        low, high = looks[-1][0].bounds
        covered.append(np.where(np.isnan(low), np.nan, (low <= true) & (true <= high)))
        first = looks[-1][1]
        for _, earlier in reversed(looks[:-1]):
            first = np.where(np.isin(earlier, ("better", "worse")), earlier, first)
        words.append(first)
        truth.append(true)
    said, true, inside = np.concatenate(words), np.concatenate(truth), np.concatenate(covered)
    better, worse = said == "better", said == "worse"
    false = float(np.mean((better & (true <= 0)) | (worse & (true >= 0))))
    return {
        "coverage": None if np.isnan(inside).all() else float(np.nanmean(inside)),
        "better": float(np.mean(better)),
        "worse": float(np.mean(worse)),
        "no_claim": float(1 - np.mean(better) - np.mean(worse)),
        "false_claims": false,
        "monte_carlo_error": math.sqrt(false * (1 - false) / len(said)),
    }


def _scores(
    scenario: Scenario, slots: Slots, effect: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of baseline and candidate on one data set, (count, runs, P) each, as shares of one.

    Args:
        effect: the true difference of each simulation (count,), in points.
    """
    fold = np.array(slots.folds)
    unit = slots.unit_at
    count = len(effect)
    gain = np.repeat(effect[:, None, None], len(fold), -1)
    gain += scenario.case_sd * rng.standard_normal((count, 1, len(slots.unit_names)))[..., unit]
    gain += scenario.training_sd * rng.standard_normal((count, 1, len(scenario.folds)))[..., fold]
    arms = []
    for runs, lasting in zip(scenario.runs, (np.zeros_like(gain), gain), strict=True):
        scores = scenario.run_sd * rng.standard_normal((count, runs, len(scenario.folds)))[..., fold]
        scores += scenario.case_run_sd * rng.standard_normal((count, runs, len(fold)))
        arms.append((scores + lasting) / 100)
    return arms[0], arms[1]
