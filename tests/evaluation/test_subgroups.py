import numpy as np
import pytest

from nnunet_llm4seg.evaluation import subgroups
from nnunet_llm4seg.evaluation.measuring import Measured
from nnunet_llm4seg.evaluation.metrics import NAMES
from nnunet_llm4seg.evaluation.statistics.slots import Slots


def measured(dice, empty):
    values = np.zeros((len(dice), 1, len(NAMES)))
    values[:, 0, 0] = dice
    return Measured(values, np.array(empty)[:, None], np.ones((len(dice), 1)))


def test_failures_are_counted_among_the_cases_that_can_fail_so():
    run = measured([0.9, 0.05, 0.0, 1.0, 0.0], ["", "", "prediction", "both", "reference"])
    found = subgroups.failures([run, run], 0)
    assert found == {
        "mean": pytest.approx(0.39),
        "failed": pytest.approx(3 / 5),
        "missed": pytest.approx(1 / 3),
        "false_positive": pytest.approx(1 / 2),
    }


def test_a_rare_label_is_compared_where_it_is_present():
    base = measured([0.4, 0.6, 1.0], ["", "", "both"])
    ours = measured([0.5, 0.9, 1.0], ["", "", "both"])
    (row,) = subgroups.present_only("ours", {"base": [base], "ours": [ours]}, "base", ["tumour"])
    assert (row["group"], row["cases"], row["difference"]) == ("tumour", 2, pytest.approx(0.2))
    full = measured([0.4, 0.6, 1.0], ["", "", ""])
    assert subgroups.present_only("full", {"full": [full]}, "full", ["tumour"]) == []


def test_hard_cases_do_not_look_better_by_regression_to_the_mean():
    rng = np.random.default_rng(0)
    slots = Slots((0,) * 600, tuple(map(str, range(600))), {})
    level = rng.normal(0.7, 0.05, 600)
    baseline, candidate = (level + rng.normal(0, 0.1, (2, 600)) for _ in range(2))
    groups = subgroups.by_difficulty("same", candidate, baseline, slots)
    assert [row["group"] for row in groups] == ["hard", "medium", "easy"]
    assert all(abs(row["difference"]) < 0.02 for row in groups)
    same_run = np.argsort(baseline[0])[:200]  # what must not be done
    assert (candidate.mean(0) - baseline[0])[same_run].mean() > 0.07
    assert subgroups.by_difficulty("same", candidate, baseline[:1], slots) == []


def test_thirds_by_the_references_size():
    slots = Slots((0,) * 6, tuple("abcdef"), {})
    volumes = np.array([6.0, 5, 4, 3, 2, 1])
    groups = subgroups.by_size("ours", volumes[None] / 10, np.zeros((1, 6)), volumes, slots)
    assert [row["candidate_mean"] for row in groups] == pytest.approx([0.15, 0.35, 0.55])
