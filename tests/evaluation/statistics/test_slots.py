import numpy as np
import pytest

from nnunet_llm4seg.evaluation.statistics.intervals import mean_difference
from nnunet_llm4seg.evaluation.statistics.slots import Slots


def test_a_case_validated_in_two_folds_counts_once():
    twice = Slots((0, 0, 1, 1), ("a", "b", "a", "c"), {})
    assert twice.weight.sum() == pytest.approx(1)
    candidate = np.array([[1.0, 0.5, 0.0, 0.5]])
    assert mean_difference(candidate, np.zeros((1, 4)), twice) == pytest.approx(0.5)
    assert twice.case_names == ["a", "b", "c"]


def test_strata_of_one_unit_are_joined():
    pattern = Slots((0, 0, 0, 1, 1, 0, 1), ("a", "b", "c", "d", "e", "f", "f"), {})
    assert np.bincount(pattern.stratum).min() >= 2


def test_the_jackknife_omits_one_unit_at_a_time():
    sizes = [5, 1, 1, 2, 1]
    clusters = {f"c{i}": f"g{g}" for i, g in enumerate(np.repeat(range(5), sizes))}
    one = Slots((0,) * 10, tuple(clusters), clusters)
    scores = np.random.default_rng(0).normal(size=10)
    of = np.repeat(range(5), sizes)
    without = np.array([scores[of != g].mean() for g in range(5)])
    assert one.unit_variance(scores) == pytest.approx(4 / 5 * ((without - scores.mean()) ** 2).sum())


def test_equal_units_have_the_ordinary_stratified_variance():
    equal = Slots(tuple(np.repeat(range(3), 10).tolist()), tuple(map(str, range(30))), {})
    scores = np.random.default_rng(0).normal(size=30)
    expected = scores.reshape(3, 10).var(1, ddof=1).sum() / 10 / 9
    assert equal.unit_variance(scores) == pytest.approx(expected)
    assert equal.unit_df == pytest.approx(27)


def test_a_large_cluster_leaves_few_degrees_of_freedom():
    clusters = {f"{i:02d}": "large" for i in range(20)}
    one = Slots((0,) * 40, tuple(f"{i:02d}" for i in range(40)), clusters)
    assert 1 <= one.unit_df < 3


@pytest.fixture
def uneven():
    """Sixty slots in three folds, some of them in clusters of unequal size."""
    rng = np.random.default_rng(0)
    cases = tuple(f"c{i}" for i in range(60))
    clusters = {case: f"k{rng.integers(25)}" for case in cases if rng.random() < 0.7}
    return Slots(tuple(rng.integers(0, 3, 60).tolist()), cases, clusters)


def test_sums_over_cases_folds_and_units_are_those_of_dense_matrices(uneven):
    scores = np.random.default_rng(1).normal(size=(2, 3, 60))
    for parts, at in ((uneven.fold_parts, uneven.fold_at), (uneven.unit_parts, uneven.unit_at)):
        dense = np.eye(at.max() + 1)[at] * uneven.weight[:, None]
        np.testing.assert_allclose(parts(scores), scores @ dense, atol=1e-15)
    np.testing.assert_allclose(uneven.case_means(scores), scores[..., np.argsort(uneven.cases)])


def test_degrees_of_freedom_are_those_of_the_dense_quadratic_form(uneven):
    first = second = 0.0
    for inside, scale in uneven._jackknife:
        share = uneven.unit_share[inside]
        residual = np.diag(share) - np.outer(share, share) / share.sum()
        form = residual.T @ (scale[:, None] * residual)
        first, second = first + np.trace(form), second + (form**2).sum()
    assert uneven.unit_df == pytest.approx(first**2 / second)
