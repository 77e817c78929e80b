import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.intervals import method_interval
from nnunet_llm4seg.evaluation.statistics.power import POWER, power, runs_needed, smallest_difference
from nnunet_llm4seg.evaluation.statistics.slots import Slots


@pytest.mark.parametrize("df", [1, 2, 4, 30, 1e5])
def test_smallest_difference_has_the_power_that_it_names(df):
    assert power(smallest_difference(0.01, df), 0.01, df) == pytest.approx(POWER, abs=1e-6)


def test_smallest_difference_with_many_degrees_of_freedom_is_2_8_standard_errors():
    assert smallest_difference(1.0, 1e6) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8), abs=1e-3)


def test_runs_needed_is_the_first_number_that_is_enough():
    rng = np.random.default_rng(0)
    slots = Slots(tuple(np.repeat(range(5), 40).tolist()), tuple(map(str, range(200))), {})
    arms = [0.8 + rng.normal(0, 0.01, (3, 5)).repeat(40, 1) + rng.normal(0, 0.01, (3, 200)) for _ in range(2)]
    interval = method_interval(*arms, slots)
    needed = runs_needed(interval, 0.008, 5)
    assert 2 < needed < 50

    def reached(runs):
        parts = [float(part) / runs for part in interval.run_parts]
        variance = sum(parts) + float(interval.case_part)
        noise = sum(p**2 / (5 * (runs - 1)) for p in parts) + float(interval.case_noise)
        return power(0.008, variance**0.5, variance**2 / noise)

    assert reached(needed) >= POWER > reached(needed - 1)


def test_runs_needed_and_the_smallest_difference_agree_with_few_cases():
    slots = Slots((0,) * 8 + (1,) * 8, tuple(map(str, range(16))), {})
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gain = rng.normal(0, 0.03, 16)
        arms = [0.8 + k * gain + rng.normal(0, 0.01, (3, 16)) for k in (1, 0)]
        interval = method_interval(*arms, slots)
        shown = smallest_difference(float(interval.se), float(interval.df))
        assert runs_needed(interval, 1.01 * shown, 2) <= 3
        assert (runs_needed(interval, 0.99 * shown, 2) or np.inf) > 3


def test_no_number_of_runs_helps_where_cases_vary_too_much():
    rng = np.random.default_rng(0)
    slots = Slots((0,) * 10 + (1,) * 10, tuple(map(str, range(20))), {})
    gain = rng.normal(0, 0.2, 20)
    arms = [0.5 + gain * k + rng.normal(0, 0.01, (3, 20)) for k in (1, 0)]
    assert runs_needed(method_interval(*arms, slots), 0.001, 2) is None
