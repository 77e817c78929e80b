import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.posterior import probability_of_false_claim
from nnunet_llm4seg.evaluation.statistics.ranks import rank_stability
from nnunet_llm4seg.evaluation.statistics.slots import Slots
from nnunet_llm4seg.evaluation.statistics.sweeps import cross_fitted, rank_correlation


def test_a_layer_chosen_on_noise_has_no_cross_fitted_gain():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (500, 16, 5))
    share = np.full(5, 0.2)
    best = np.mean([(gains @ share).max() for gains in noise])
    assert best > 0.006
    assert np.mean([cross_fitted(gains, share) for gains in noise]) == pytest.approx(0, abs=0.001)


def test_a_layer_that_is_truly_better_keeps_its_gain():
    gains = np.zeros((4, 5))
    gains[2] = 0.03
    assert cross_fitted(gains, np.full(5, 0.2)) == pytest.approx(0.03)
    assert np.isnan(cross_fitted(gains[:, :1], np.ones(1)))


def test_the_rank_correlation_is_spearmans_with_the_exact_share_of_permutations():
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.4, 0.3])
    correlation, p = rank_correlation(x, y)
    assert correlation == pytest.approx(stats.spearmanr(x, y).statistic)
    assert p == pytest.approx(8 / 24)  # of all 24 orders, 4 are as close or closer, and 4 the other way round
    many = np.arange(12.0)
    assert rank_correlation(many, many)[1] == pytest.approx(1 / 10_001)
    assert np.isnan(rank_correlation(x[:2], y[:2])[0])


def test_the_probability_of_a_false_claim_is_the_one_sided_p_of_a_paired_t_test():
    differences = np.random.default_rng(1).normal(0.01, 0.03, 30)
    expected = stats.ttest_1samp(differences, 0, alternative="greater").pvalue
    assert probability_of_false_claim(differences) == pytest.approx(expected)
    assert probability_of_false_claim(np.full(4, 0.1)) == 0


def ranked(gap, runs=1):
    rng = np.random.default_rng(2)
    slots = Slots(tuple([0] * 20 + [1] * 20), tuple(map(str, range(40))), {})
    level = rng.normal(0.8, 0.05, 40)
    arms = {name: level + rng.normal(0, 0.03, (runs, 40)) + shift for name, shift in (("a", 0.0), ("b", gap))}
    return rank_stability(arms, slots, draws=400)


def test_the_order_of_clearly_different_arms_is_stable():
    found = ranked(0.1)
    assert (found["b"].rank, found["b"].first, found["b"].high) == (1, 1.0, 1)
    assert (found["a"].rank, found["a"].low) == (2, 2)


def test_the_order_of_equal_arms_is_not():
    found = ranked(0.0, runs=3)
    assert found["a"].first + found["b"].first == pytest.approx(1, abs=0.02)
    assert all((rank.low, rank.high) == (1, 2) for rank in found.values())
