import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.rank_tests import shares, wilcoxon


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
