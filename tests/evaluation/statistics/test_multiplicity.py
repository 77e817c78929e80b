import numpy as np
import pytest

from nnunet_llm4seg.evaluation.statistics.multiplicity import holm


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
