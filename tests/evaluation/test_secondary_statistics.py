import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.design import Design
from nnunet_llm4seg.evaluation.intervals import method_interval
from nnunet_llm4seg.evaluation.power import POWER, power, runs_needed, smallest_difference
from nnunet_llm4seg.evaluation.secondary import holm, shares, wilcoxon


def test_holm_by_hand():
    # 0.01*4, then 0.02*3, then max(0.06, 0.04*2), then max(0.08, 0.5).
    assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])


def test_holm_never_falls_and_never_exceeds_one():
    assert holm([0.03, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def test_holm_does_not_count_what_has_no_p():
    adjusted = holm([float("nan"), 0.03])
    assert np.isnan(adjusted[0])
    assert adjusted[1] == pytest.approx(0.03)


def test_wilcoxon_is_scipys_with_zeros_by_pratt():
    differences = np.round(np.random.default_rng(0).normal(0.01, 0.05, 50), 2)
    assert (differences == 0).any()
    expected = stats.wilcoxon(differences, zero_method="pratt", method="approx").pvalue
    assert wilcoxon(differences)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("differences", "effect"), [([1, 2, 3], 1.0), ([-1, -2], -1.0), ([1, -2, 3], (4 - 2) / 6), ([0, 0], 0.0)]
)
def test_rank_biserial_effect_by_hand(differences, effect):
    assert wilcoxon(np.array(differences, float))[1] == pytest.approx(effect)


def test_shares_add_up():
    assert shares(np.array([1.0, 2.0, 0.0, -1.0])) == {"better": 0.5, "same": 0.25, "worse": 0.25}


@pytest.mark.parametrize("df", [1, 2, 4, 30, 1e5])
def test_smallest_difference_has_the_power_that_it_names(df):
    assert power(smallest_difference(0.01, df), 0.01, df) == pytest.approx(POWER, abs=1e-6)


def test_smallest_difference_with_many_degrees_of_freedom_is_2_8_standard_errors():
    assert smallest_difference(1.0, 1e6) == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8), abs=1e-3)


def test_runs_needed_is_the_first_number_that_is_enough():
    rng = np.random.default_rng(0)
    design = Design(tuple(np.repeat(range(5), 40).tolist()), tuple(map(str, range(200))), {})
    arms = [0.8 + rng.normal(0, 0.01, (3, 5)).repeat(40, 1) + rng.normal(0, 0.01, (3, 200)) for _ in range(2)]
    interval = method_interval(*arms, design)
    needed = runs_needed(interval, 0.008, 5)
    assert 2 < needed < 50

    def reached(runs):
        parts = [float(part) / runs for part in interval.run_parts]
        variance = sum(parts) + float(interval.case_part)
        noise = sum(p**2 / (5 * (runs - 1)) for p in parts) + float(interval.case_noise)
        return power(0.008, variance**0.5, variance**2 / noise)

    assert reached(needed) >= POWER > reached(needed - 1)


def test_runs_needed_and_the_smallest_difference_agree_with_few_cases():
    design = Design((0,) * 8 + (1,) * 8, tuple(map(str, range(16))), {})
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gain = rng.normal(0, 0.03, 16)
        arms = [0.8 + k * gain + rng.normal(0, 0.01, (3, 16)) for k in (1, 0)]
        interval = method_interval(*arms, design)
        shown = smallest_difference(float(interval.se), float(interval.df))
        assert runs_needed(interval, 1.01 * shown, 2) <= 3
        assert (runs_needed(interval, 0.99 * shown, 2) or np.inf) > 3


def test_no_number_of_runs_helps_where_cases_vary_too_much():
    rng = np.random.default_rng(0)
    design = Design((0,) * 10 + (1,) * 10, tuple(map(str, range(20))), {})
    gain = rng.normal(0, 0.2, 20)
    arms = [0.5 + gain * k + rng.normal(0, 0.01, (3, 20)) for k in (1, 0)]
    assert runs_needed(method_interval(*arms, design), 0.001, 2) is None
