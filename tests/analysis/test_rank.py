import math

import numpy as np
import pytest

from nnunet_llm4seg.analysis.rank import spectrum


@pytest.mark.parametrize("k", [1, 2, 5, 16])
def test_k_orthogonal_directions_of_equal_size_have_effective_rank_k(k):
    rng = np.random.default_rng(k)
    left = np.linalg.qr(rng.normal(size=(16, k)))[0]
    right = np.linalg.qr(rng.normal(size=(40, k)))[0]
    found = spectrum(3.7 * left @ right.T)
    assert found.effective_rank == pytest.approx(k)
    assert found.entropy == pytest.approx(math.log(k), abs=1e-9)
    assert found.lsvr == pytest.approx(math.log(k), abs=1e-9)
    assert found.rank_bound == 16


def test_lsvr_of_a_rank_one_matrix_is_zero():
    rng = np.random.default_rng(0)
    assert spectrum(np.outer(rng.normal(size=9), rng.normal(size=20))).lsvr == pytest.approx(0, abs=1e-9)


def test_known_singular_values_by_hand():
    found = spectrum(np.diag([2.0, 1.0, 1.0]))
    assert found.entropy == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))
    assert found.lsvr == pytest.approx(math.log(2))


def test_entropy_does_not_depend_on_scale_and_stays_below_its_bound():
    features = np.random.default_rng(1).normal(size=(64, 256))
    assert spectrum(features).entropy == pytest.approx(spectrum(1e-4 * features).entropy)
    assert spectrum(features).entropy < math.log(64)


def test_zeros_have_no_rank():
    assert math.isnan(spectrum(np.zeros((4, 4))).effective_rank)
