"""Earlier looks spend alpha: the levels of the looks that follow."""

import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.statistics.looks import Look, next_level, spent


def levels(times):
    """The levels of looks at these shares of the planned information."""
    taken = []
    for time in times:
        taken.append(Look(time, next_level(taken, time)))
    return [look.level for look in taken]


def test_five_equal_looks_have_the_published_limits_of_obrien_and_fleming():
    # Lan-DeMets spending like O'Brien-Fleming, two-sided 5 %: tabled in DeMets and Lan (1994) and by ldbounds
    limits = [4.877, 3.357, 2.680, 2.290, 2.031]
    assert stats.norm.isf([level / 2 for level in levels([0.2, 0.4, 0.6, 0.8, 1.0])]) == pytest.approx(
        limits, abs=3e-3
    )


def test_one_look_at_the_end_has_the_whole_level():
    assert levels([1.0]) == [pytest.approx(0.05, abs=1e-6)]


def test_looking_again_without_new_runs_changes_nothing():
    first, again, _ = levels([0.5, 0.5, 1.0])
    assert first == again == pytest.approx(spent(0.5), abs=1e-6)


def test_after_the_planned_end_nothing_is_left():
    assert levels([0.5, 1.0, 1.5])[2] == 0.0


def test_less_than_was_seen_before_cannot_claim():
    assert levels([1.0, 0.5])[1] == 0.0


def test_a_look_at_fewer_data_changes_nothing_later():
    assert levels([0.5, 0.3, 1.0])[2] == pytest.approx(levels([0.5, 1.0])[1])
