import numpy as np
import pytest
from score_tables import scores, slots

from nnunet_llm4seg.evaluation.statistics.results import against_itself, compare_primary, describe_arm


def test_near_duplicates_widen_both_intervals():
    rng = np.random.default_rng(0)
    gain = rng.normal(0, 0.05, 20).repeat(2)
    twins = {f"c{i:03d}": f"g{i // 2}" for i in range(40)}
    candidate, baseline = scores(3) + gain, scores(3, seed=1)
    alone, paired = (compare_primary(candidate, baseline, slots(clusters=c), target=0.01) for c in ({}, twins))
    for name in ("trained_models", "method"):
        widths = [float(np.diff(result[name]["interval"])[0]) for result in (alone, paired)]
        assert widths[1] > 1.1 * widths[0]


def test_equal_means_of_runs_are_no_losses():
    candidate, baseline = np.array([[0.7], [0.8], [0.9]]), np.array([[0.8], [0.9], [0.7]])
    result = compare_primary(candidate.repeat(40, 1), baseline.repeat(40, 1), slots(), target=0.01)
    assert result["shares"] == {"better": 0.0, "same": 1.0, "worse": 0.0}
    assert result["wilcoxon"]["p"] == 1.0


@pytest.mark.parametrize(
    ("differences", "disagrees"),
    [
        ([0.30] * 16 + [-0.08] * 24, ["most cases"]),
        ([0.05] * 24 + [-0.04] * 16, []),
        ([0.01] * 24 + [0.0] * 10 + [-0.30] * 6, ["most cases", "the ranks of the changes"]),
    ],
)
def test_what_points_the_other_way_than_the_mean_is_named(differences, disagrees):
    baseline = np.full((1, 40), 0.5)
    result = compare_primary(baseline + np.array(differences), baseline, slots(), target=0.01)
    shares, mean = result["shares"], np.mean(differences)
    assert result["wilcoxon"]["disagrees"] == disagrees
    assert ("most cases" in disagrees) == ((shares["better"] - shares["worse"]) * mean < 0)


def test_noise_between_runs_of_one_arm_is_described():
    arm = np.stack([np.full(40, 0.80), np.full(40, 0.82)])
    described = describe_arm(arm, slots())
    assert described["run_means"] == pytest.approx([0.80, 0.82])
    assert described["run_fold_sd"] == pytest.approx(np.std([0.80, 0.82], ddof=1))
    assert described["run_sd"] == pytest.approx(described["run_fold_sd"] / 2)  # four folds
    itself = against_itself(arm, slots())
    assert (itself["largest_mean_difference"], itself["case_sd"]) == pytest.approx((0.02, 0))
    assert against_itself(arm[:1], slots()) is None
