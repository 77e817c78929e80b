"""The average over these data sets, and over data sets like these."""

import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.intervals import RunsInterval
from nnunet_llm4seg.evaluation.statistics.over_datasets import average_of_such, average_of_these


def interval(difference, se, df=8.0):
    nothing = np.zeros(())
    return RunsInterval(
        *map(np.asarray, (difference, se, df)),
        case_part=nothing,
        case_df=1.0,
        case_noise=nothing,
        run_parts=(nothing, nothing),
        runs=(2, 2),
    )


def test_the_average_over_these_data_sets_adds_their_variances():
    found = average_of_these([interval(0.01, 0.003, 8.0), interval(0.03, 0.004, 8.0)])
    assert found.difference == pytest.approx(0.02)
    assert found.se == pytest.approx(0.005 / 2)
    assert found.df == pytest.approx(25**2 / (81 / 8 + 256 / 8))
    assert found.rule == "runs"


def test_over_data_sets_like_these_is_a_t_test_of_their_differences():
    differences = [0.01, 0.03, -0.005, 0.02]
    found = average_of_such([interval(d, 0.002) for d in differences])
    expected = stats.ttest_1samp(differences, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert np.array(found.bounds) == pytest.approx(np.array(expected.confidence_interval()))
    assert found.df == 3
    assert found.heterogeneity_sd == pytest.approx((np.var(differences, ddof=1) - 0.002**2) ** 0.5)


def test_the_prediction_for_one_more_data_set_is_wider():
    found = average_of_such([interval(d, 0.002) for d in (0.01, 0.03, 0.02)])
    low, high = found.prediction
    assert low < found.bounds[0] and high > found.bounds[1]
    assert high - low == pytest.approx((found.bounds[1] - found.bounds[0]) * 2.0)  # sqrt(1 + D) for D = 3


def test_data_sets_that_differ_less_than_their_errors_show_no_heterogeneity():
    assert average_of_such([interval(0.01, 0.1), interval(0.012, 0.1)]).heterogeneity_sd == 0


def test_one_data_set_says_nothing_about_others():
    assert average_of_such([interval(0.01, 0.1)]) is None
