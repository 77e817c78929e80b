"""Our functions give what scipy.stats gives, without loading it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics import distributions

DF = np.array([0.3, 1, 2.5, 4, 40, 1e6, np.nan, 0])[:, None]
SHARES = np.array([1e-12, 0.001, 0.025, 0.5, 0.8, 0.975, 0.9999])
VALUES = np.array([-np.inf, -40, -2, 0, 0.5, 2.776, 1e5, np.inf])


def test_quantiles_and_tails_are_scipys():
    same = np.testing.assert_allclose
    same(distributions.t_quantile(SHARES, DF), stats.t.ppf(SHARES, DF), rtol=1e-9)
    same(distributions.t_tail(VALUES, DF), stats.t.sf(VALUES, DF), rtol=1e-9)
    same(distributions.chi2_quantile(SHARES, DF[:6]), stats.chi2.ppf(SHARES, DF[:6]), rtol=1e-9)
    same(distributions.normal_tail(VALUES), stats.norm.sf(VALUES), rtol=1e-9)
    same(distributions.normal_limit(SHARES), stats.norm.isf(SHARES), rtol=1e-9)


@pytest.mark.parametrize("shift", [0.1, 0.9, 2.8, 6.0])
def test_the_noncentral_t_is_scipys(shift):
    values = np.array([-1.96, 0.5, 2.0, 2.776, 12.7])
    found = distributions.noncentral_t_below(values, DF[1:6], shift)
    np.testing.assert_allclose(found, stats.nct.cdf(values, DF[1:6], shift), atol=1e-8)


def test_ranks_are_scipys():
    for values in (np.random.default_rng(0).integers(0, 9, 60), np.zeros(3), np.array([2.0, -1.0])):
        np.testing.assert_array_equal(distributions.average_ranks(values), stats.rankdata(values))


def test_the_statistics_load_neither():
    code = "import sys, nnunet_llm4seg.evaluation; sys.exit(bool({'scipy.stats', 'scipy.optimize'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
