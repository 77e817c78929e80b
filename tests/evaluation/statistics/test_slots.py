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
