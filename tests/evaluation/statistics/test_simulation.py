"""False claims in the worst scenarios that were found, through the code that the report uses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario, simulate

SIMILAR = {"case_sd": 3.0, "case_run_sd": 3.0}
WORST = {
    "one large cluster": {"folds": [[20] + [1] * 20] * 5, "runs": [2, 2]},
    "clusters of 1 or 20": {"folds": [[20, 20, 1, 1, 1, 1, 1, 1, 20]] * 3, "runs": [2, 2]},
    "one large fold": {"folds": [[1] * 200] + [[1] * 20] * 4, "runs": [2, 2], "case_sd": 0.0, "run_sd": 3.0},
    "training sets": {"folds": [[1] * 40] * 5, "runs": [3, 3], **SIMILAR, "training_sd": 1.0},
    "few cases": {"folds": [[1] * 2] * 5, "runs": [2, 2]},
    "one fold": {"folds": [[1] * 10], "runs": [2, 2]},
    "three runs against one": {"folds": [[1] * 40] * 5, "runs": [1, 3], **SIMILAR},
}


@pytest.mark.parametrize("name", WORST)
def test_false_claims_are_rare(name):
    found = simulate(Scenario.from_json({**WORST[name], "simulations": 1000}))
    assert found["false_claims"] <= 0.06
    assert found["better"] + found["worse"] + found["no_claim"] == pytest.approx(1)


@pytest.mark.parametrize("name", ["one large cluster", "clusters of 1 or 20", "one large fold", "few cases"])
def test_the_method_interval_covers(name):
    assert simulate(Scenario.from_json({**WORST[name], "simulations": 1000}))["coverage"] >= 0.93


def test_a_real_difference_is_found():
    scenario = {"folds": [[1] * 40] * 5, "runs": [3, 3], **SIMILAR, "difference": 3.0, "simulations": 500}
    found = simulate(Scenario.from_json(scenario))
    assert found["better"] > 0.95
    assert found["false_claims"] == found["worse"] == 0


LOOKS = list(range(2, 11))


def test_earlier_looks_spend_alpha():
    scenario = {"folds": [[1] * 10] * 5, "runs": [10, 10], "case_run_sd": 3.0, "case_sd": 0.0, "simulations": 500}
    found = simulate(Scenario.from_json({**scenario, "looks": LOOKS}))
    assert found["false_claims"] <= 0.06


def test_the_average_over_data_sets_like_these_covers_where_the_average_over_these_does_not_ask():
    scenario = {"folds": [[1] * 20] * 5, "runs": [2, 2], **SIMILAR, "datasets": 5, "heterogeneity_sd": 2.0}
    found = simulate(Scenario.from_json({**scenario, "simulations": 500}))
    assert found["like_these"]["false_claims"] <= 0.08 and found["false_claims"] <= 0.06
    assert found["like_these"]["coverage"] > 0.92 and found["coverage"] > 0.92


def test_a_seed_repeats_itself():
    scenario = Scenario(folds=[[1, 1, 20], [1, 1, 1]], runs=[2, 2], simulations=50)
    assert simulate(scenario) == simulate(scenario)


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({"folds": [[1, 1]]}, "runs is missing"),
        ({"folds": [[1, 1]], "runs": [1, 1], "sd": 1}, "'sd' is not a key"),
        ({"folds": [[1, 0]], "runs": [1, 1]}, "cluster sizes"),
        ({"folds": [[1, 1]], "runs": [1]}, "baseline and candidate"),
        ({"folds": [[1, 1]], "runs": [1, 1], "run_sd": -1}, "run_sd -1"),
        ({"folds": [[1, 1]], "runs": [1, 1], "datasets": 0}, "datasets 0"),
        ({"folds": 5, "runs": [1, 1]}, "a value is of the wrong type"),
    ],
)
def test_a_scenario_that_cannot_be_simulated_is_one_sentence(keys, match):
    with pytest.raises(ConfigError, match=match):
        Scenario.from_json(keys)


def test_the_script_prints_one_json_object(tmp_path):
    scenario = {
        **{"folds": [[1, 1, 20], [1, 1, 1]], "runs": [2, 2], "run_sd": 1.0, "case_sd": 10.0, "case_run_sd": 10.0},
        **{"training_sd": 0.0, "difference": 0.0, "datasets": 1, "heterogeneity_sd": 0.0},
        **{"simulations": 20, "seed": 1},
    }
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    script = Path(__file__).resolve().parents[3] / "scripts" / "simulate_claims.py"
    said = subprocess.run([sys.executable, script, tmp_path / "s.json"], capture_output=True, text=True, check=True)
    keys = {"coverage", "better", "worse", "no_claim", "false_claims", "monte_carlo_error"}
    assert json.loads(said.stdout).keys() == keys
