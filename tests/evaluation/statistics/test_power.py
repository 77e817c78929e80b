import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.power import (
    POWER,
    TTest,
    power,
    runs_needed,
    smallest_difference,
    smallest_with_range,
)
from nnunet_llm4seg.evaluation.statistics.slots import Slots


@pytest.mark.parametrize("df", [1, 2, 4, 30, 1e5])
def test_smallest_difference_has_the_power_that_it_names(df):
    assert power(smallest_difference(TTest(0.01, df)), TTest(0.01, df)) == pytest.approx(POWER, abs=1e-6)


def test_smallest_difference_with_many_degrees_of_freedom_is_2_8_standard_errors():
    assert smallest_difference(TTest(1.0, 1e6)) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8), abs=1e-3)


def needed(candidate, baseline, slots, target):
    return runs_needed(
        method_interval(candidate, baseline, slots),
        fold_interval(candidate, baseline, slots),
        target,
        slots.effective_folds,
    )


def pilot(runs, seed, folds=5, run_sd=0.01):
    """Two arms that differ in nothing, with noise of a fold per run and of a case per run."""
    rng = np.random.default_rng(seed)
    slots = Slots(tuple(np.repeat(range(folds), 40).tolist()), tuple(map(str, range(40 * folds))), {})
    shape = (runs, 40 * folds)
    arms = [0.8 + rng.normal(0, run_sd, (runs, folds)).repeat(40, 1) + rng.normal(0, 0.01, shape) for _ in range(2)]
    return *arms, slots


def test_runs_needed_is_the_first_number_at_which_both_tests_have_the_power():
    candidate, baseline, slots = pilot(3, 0)
    interval = method_interval(candidate, baseline, slots)
    found = needed(candidate, baseline, slots, 0.008).runs
    assert 2 < found < 50
    run = sum(map(float, interval.run_parts))

    def reached(runs):
        case = float(interval.case_part)
        noise = sum((float(p) / runs) ** 2 / (5 * (runs - 1)) for p in interval.run_parts) + float(interval.case_noise)
        se = (run / runs + case) ** 0.5
        return power(0.008, TTest(se, se**4 / noise), TTest(se, 4))

    assert reached(found) >= POWER > reached(found - 1)


def test_the_range_of_the_runs_needed_contains_the_truth_and_shrinks_with_more_runs():
    truth = needed(*pilot(200, 1), 0.008).runs
    found = [needed(*pilot(2, seed), 0.008) for seed in range(2, 22)]
    assert len({one.runs for one in found}) > 5  # a point says little
    assert np.mean([one.low <= truth <= (one.high or np.inf) for one in found]) >= 0.9
    longer = needed(*pilot(30, 1), 0.008)
    assert longer.high - longer.low < np.median([(one.high or 1000) - one.low for one in found])


def test_both_tests_together_detect_less_than_each_alone():
    one, other = TTest(0.01, 30), TTest(0.01, 4)
    assert power(0.03, one, other) < min(power(0.03, one), power(0.03, other))
    assert power(smallest_difference(one, other), one, other) == pytest.approx(POWER, abs=1e-6)
    middle, low, high = smallest_with_range([one, other])
    assert low < middle < high


def test_runs_needed_and_the_smallest_difference_agree_with_few_cases():
    slots = Slots((0,) * 16, tuple(map(str, range(16))), {})
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gain = rng.normal(0, 0.03, 16)
        arms = [0.8 + k * gain + rng.normal(0, 0.01, (3, 16)) for k in (1, 0)]
        interval = method_interval(*arms, slots)
        shown = smallest_difference(TTest(float(interval.se), float(interval.df)))
        assert needed(*arms, slots, 1.01 * shown).runs <= 3
        assert (needed(*arms, slots, 0.99 * shown).runs or np.inf) > 3


def test_no_number_of_runs_helps_where_cases_vary_too_much():
    rng = np.random.default_rng(0)
    slots = Slots((0,) * 10 + (1,) * 10, tuple(map(str, range(20))), {})
    gain = rng.normal(0, 0.2, 20)
    arms = [0.5 + gain * k + rng.normal(0, 0.01, (3, 20)) for k in (1, 0)]
    assert needed(*arms, slots, 0.001).runs is None
