from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from nnunet_llm4seg.evaluation.design import Design
from nnunet_llm4seg.evaluation.intervals import (
    bootstrap_bounds,
    fold_interval,
    mean_difference,
    method_interval,
)
from nnunet_llm4seg.evaluation.statistics import against_itself, compare_primary, describe_arm


def design(folds=4, cases=10, clusters=None):
    names = tuple(f"c{i:03d}" for i in range(folds * cases))
    return Design(tuple(np.repeat(range(folds), cases).tolist()), names, clusters or {})


def scores(runs, slots=40, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(0.8 + shift, 0.05, (runs, slots))


def test_one_run_is_the_t_test_on_fold_differences():
    candidate, baseline = scores(1), scores(1, seed=1)
    of_folds = (candidate - baseline).reshape(4, 10).mean(1)
    expected = stats.ttest_1samp(of_folds, 0)
    interval = method_interval(candidate, baseline, design())
    assert interval.rule == "folds"
    assert interval.p == pytest.approx(expected.pvalue)
    assert np.ravel(interval.bounds) == pytest.approx(list(expected.confidence_interval()))


def test_nadeau_and_bengio_widen_by_the_share_of_test_cases():
    interval = fold_interval(scores(1), scores(1, seed=1), design())
    assert interval.se_correlated**2 / interval.se**2 == pytest.approx((1 / 4 + 1 / 3) / (1 / 4))


def test_nadeau_and_bengio_take_the_sizes_of_hold_outs_as_they_are():
    hold_outs = replace(design(), test_per_train=30 / 70)
    interval = fold_interval(scores(1), scores(1, seed=1), hold_outs)
    assert interval.se_correlated**2 / interval.se**2 == pytest.approx((1 / 4 + 3 / 7) / (1 / 4))
    rest, _ = hold_outs.without({(0, "c000")})
    assert rest.test_per_train == 30 / 70


def test_run_part_is_the_within_fold_variance_of_run_means():
    candidate, baseline = scores(3), scores(2, seed=1)
    interval = method_interval(candidate, baseline, design())
    for part, arm in zip(interval.run_parts, (candidate, baseline), strict=True):
        means = arm.reshape(len(arm), 4, 10).mean(-1)
        assert part == pytest.approx(means.var(0, ddof=1).sum() / 16)


def test_case_part_is_the_case_variance_less_its_run_specific_share():
    candidate, baseline = scores(3), scores(3, seed=1)
    candidate += np.random.default_rng(2).normal(0, 0.2, 40)  # persistent differences
    pooled = (candidate - baseline).mean(0).reshape(4, 10).var(1, ddof=1).mean()
    shares = 0
    for arm in (candidate, baseline):
        table = arm.reshape(3, 4, 10)
        left = table - table.mean(0) - table.mean(2, keepdims=True) + table.mean((0, 2), keepdims=True)
        shares += (left**2).sum() / (2 * 4 * 9) / 3
    interval = method_interval(candidate, baseline, design())
    assert interval.case_part == pytest.approx((pooled - shares) / 40)


def test_case_part_is_floored_at_zero_and_then_leaves_the_degrees_of_freedom_to_the_runs():
    candidate, baseline = scores(5), scores(5, seed=1)
    candidate -= candidate.mean(0) - 0.8
    baseline -= baseline.mean(0) - 0.8
    interval = method_interval(candidate, baseline, design())
    assert interval.case_part == 0
    assert interval.df <= 2 * 4 * 4


def test_batches_give_what_single_comparisons_give():
    candidate, baseline = scores(3), scores(3, seed=1)
    batch = method_interval(np.stack([candidate, baseline]), np.stack([baseline, candidate]), design())
    single = method_interval(candidate, baseline, design())
    assert batch.difference == pytest.approx([single.difference, -single.difference])
    assert batch.se == pytest.approx([single.se, single.se])
    assert batch.df == pytest.approx([single.df, single.df])


def test_identical_arms_have_no_difference_and_p_one():
    arm = scores(2)
    interval = method_interval(arm[:1], arm[:1], design())
    assert (float(interval.p), *np.ravel(interval.bounds)) == (1.0, 0.0, 0.0)


def test_one_fold_with_one_run_has_no_method_interval():
    interval = method_interval(scores(1, 10), scores(1, 10, 1), design(1))
    assert np.isnan(interval.bounds).all()
    assert np.isnan(interval.p)


def test_bootstrap_agrees_with_scipy_on_one_stratum():
    difference = np.random.default_rng(0).normal(0.01, 0.05, 60)
    ours = bootstrap_bounds(difference, design(1, 60))
    theirs = stats.bootstrap(
        (difference,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=5e-4)


def test_bootstrap_repeats_itself_and_keeps_fold_differences_out():
    of_fold = np.repeat([0.0, 1.0, 2.0, 3.0], 10)  # varies between strata only
    assert bootstrap_bounds(of_fold, design()) == pytest.approx((1.5, 1.5))
    difference = scores(1)[0]
    assert bootstrap_bounds(difference, design()) == bootstrap_bounds(difference, design())


def test_near_duplicates_widen_both_intervals():
    rng = np.random.default_rng(0)
    gain = rng.normal(0, 0.05, 20).repeat(2)
    twins = {f"c{i:03d}": f"g{i // 2}" for i in range(40)}
    candidate, baseline = scores(3) + gain, scores(3, seed=1)
    alone, paired = (compare_primary(candidate, baseline, design(clusters=c), target=0.01) for c in ({}, twins))
    for name in ("trained_models", "method"):
        widths = [float(np.diff(result[name]["interval"])[0]) for result in (alone, paired)]
        assert widths[1] > 1.1 * widths[0]


def test_a_case_validated_in_two_folds_counts_once():
    twice = Design((0, 0, 1, 1), ("a", "b", "a", "c"), {})
    assert twice.weight.sum() == pytest.approx(1)
    candidate = np.array([[1.0, 0.5, 0.0, 0.5]])
    assert mean_difference(candidate, np.zeros((1, 4)), twice) == pytest.approx(0.5)
    assert twice.case_names == ["a", "b", "c"]


def test_equal_means_of_runs_are_no_losses():
    candidate, baseline = np.array([[0.7], [0.8], [0.9]]), np.array([[0.8], [0.9], [0.7]])
    result = compare_primary(candidate.repeat(40, 1), baseline.repeat(40, 1), design(), target=0.01)
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
    result = compare_primary(baseline + np.array(differences), baseline, design(), target=0.01)
    shares, mean = result["shares"], np.mean(differences)
    assert result["wilcoxon"]["disagrees"] == disagrees
    assert ("most cases" in disagrees) == ((shares["better"] - shares["worse"]) * mean < 0)


def test_strata_of_one_unit_are_joined():
    pattern = Design((0, 0, 0, 1, 1, 0, 1), ("a", "b", "c", "d", "e", "f", "f"), {})
    assert np.bincount(pattern.stratum).min() >= 2


def test_noise_between_runs_of_one_arm_is_described():
    arm = np.stack([np.full(40, 0.80), np.full(40, 0.82)])
    described = describe_arm(arm, design())
    assert described["run_means"] == pytest.approx([0.80, 0.82])
    assert described["run_fold_sd"] == pytest.approx(np.std([0.80, 0.82], ddof=1))
    assert described["run_sd"] == pytest.approx(described["run_fold_sd"] / 2)  # four folds
    itself = against_itself(arm, design())
    assert (itself["largest_mean_difference"], itself["case_sd"]) == pytest.approx((0.02, 0))
    assert against_itself(arm[:1], design()) is None
