"""Families of claims: rarely is any of them false, and the simulation judges as a study's report does."""

import numpy as np
import pytest

from nnunet_llm4seg.evaluation.statistics import families
from nnunet_llm4seg.evaluation.statistics.families import Family, simulate_ladder, simulate_sweep
from nnunet_llm4seg.evaluation.statistics.multiplicity import holm, holm_each
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario
from nnunet_llm4seg.study.arms import Arm, Claim
from nnunet_llm4seg.study.ladder import climb
from nnunet_llm4seg.study.layers import sweep_results

SIMILAR = {"runs": [3, 3], "case_sd": 3.0, "case_run_sd": 3.0}
LADDER = [(1, 0), (1, 2), (1, 3)]
NAMES = ("vanilla", "frozen", "shuffled", "random")


def design(**changes):
    return Scenario.from_json({"folds": [[1] * 40] * 5, **SIMILAR, "simulations": 1000, **changes})


def test_a_ladder_whose_first_claim_is_true_rarely_claims_anything_false():
    found = simulate_ladder(Family(design(training_sd=1.0), [0.0, 8.0, 8.0, 8.0], LADDER))
    assert found["claimed"][0] > 0.99
    assert found["these"][0] <= 0.06


def test_a_ladder_over_data_sets_like_these_rarely_claims_anything_false():
    several = design(folds=[[1] * 20] * 5, datasets=3, heterogeneity_sd=2.0, simulations=600)
    found = simulate_ladder(Family(several, [0.0, 8.0, 8.0, 8.0], LADDER))
    assert found["like_these"][0] <= 0.08


def test_the_best_of_sixteen_equal_layers_is_rarely_claimed_and_its_cross_fitted_gain_is_none():
    found = simulate_sweep(Family(design(training_sd=1.0, simulations=400), [0.0] * 17))
    assert found["any_false"][0] <= 0.06
    assert found["naive_bias"][0] > 0.5
    assert abs(found["cross_fitted_bias"][0]) < 4 * found["cross_fitted_bias"][1]


def drawn(family):
    ((_, by_data),) = families._drawn(family)
    return by_data


def test_the_ladder_is_judged_as_the_report_does():
    family = Family(design(datasets=2, simulations=8), [0.0, 2.5, 1.4, 1.0], LADDER)
    claims = [Claim(NAMES[ours], NAMES[theirs]) for ours, theirs in LADDER]
    by_data = drawn(family)
    made = np.zeros(3)
    for i in range(8):
        pairs = {
            claim: {str(d): (arms[ours][i], arms[theirs][i], slots) for d, (slots, arms) in enumerate(by_data)}
            for claim, (ours, theirs) in zip(claims, LADDER, strict=True)
        }
        made += [step["these"]["verdict"] == "better" for step in climb(claims, pairs, lambda claim: 0.05)]
    assert simulate_ladder(family)["claimed"] == pytest.approx(made / 8)
    assert 0 < made[1] < 8


def test_the_sweep_is_judged_as_the_report_does():
    gains = [0.0, 0.0, 2.0, 0.0, 0.0]
    family = Family(design(simulations=8), gains)
    ((slots, arms),) = drawn(family)
    swept = [Arm(f"layer{i}", {"layer": i}) for i in range(1, 5)]
    crossed, naive = [], []
    for i in range(8):
        scores = {arm.name: of_arm[i] for arm, of_arm in zip(swept, arms[1:], strict=True)}
        found = sweep_results(swept, scores, arms[0][i], slots, [], {})
        chosen = [row["arm"] for row in found["layers"]].index(found["chosen"])
        crossed.append(100 * found["cross_fitted_gain"] - gains[chosen + 1])
        naive.append(100 * found["layers"][chosen]["gain"] - gains[chosen + 1])
    simulated = simulate_sweep(family)
    assert simulated["cross_fitted_bias"][0] == pytest.approx(np.mean(crossed))
    assert simulated["naive_bias"][0] == pytest.approx(np.mean(naive))


def test_holm_of_a_batch_is_holm_of_each():
    p_values = np.random.default_rng(0).random((6, 5)) / 10
    p_values[2, 3] = np.nan
    for i in range(5):
        np.testing.assert_array_equal(holm_each(p_values)[:, i], holm(list(p_values[:, i])))
