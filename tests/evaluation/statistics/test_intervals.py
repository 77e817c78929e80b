from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from score_tables import scores, slots

from nnunet_llm4seg.evaluation.statistics.intervals import (
    fold_interval,
    method_interval,
    trained_interval,
)
from nnunet_llm4seg.evaluation.statistics.slots import Slots


def test_one_run_is_the_t_test_on_fold_differences():
    candidate, baseline = scores(1), scores(1, seed=1)
    of_folds = (candidate - baseline).reshape(4, 10).mean(1)
    expected = stats.ttest_1samp(of_folds, 0)
    interval = method_interval(candidate, baseline, slots())
    assert interval.rule == "folds"
    assert interval.p == pytest.approx(expected.pvalue)
    assert np.ravel(interval.bounds) == pytest.approx(list(expected.confidence_interval()))


def test_nadeau_and_bengio_widen_by_the_share_of_test_cases():
    interval = fold_interval(scores(1), scores(1, seed=1), slots())
    assert interval.se_correlated**2 / interval.se**2 == pytest.approx((1 / 4 + 1 / 3) / (1 / 4))


def test_nadeau_and_bengio_take_the_sizes_of_hold_outs_as_they_are():
    hold_outs = replace(slots(), test_per_train=30 / 70)
    interval = fold_interval(scores(1), scores(1, seed=1), hold_outs)
    assert interval.se_correlated**2 / interval.se**2 == pytest.approx((1 / 4 + 3 / 7) / (1 / 4))
    rest, _ = hold_outs.without({(0, "c000")})
    assert rest.test_per_train == 30 / 70


def test_run_part_is_the_within_fold_variance_of_run_means():
    candidate, baseline = scores(3), scores(2, seed=1)
    interval = method_interval(candidate, baseline, slots())
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
    interval = method_interval(candidate, baseline, slots())
    assert interval.case_part == pytest.approx((pooled - shares) / 40)


def test_case_part_is_floored_at_zero_and_then_leaves_the_degrees_of_freedom_to_the_runs():
    candidate, baseline = scores(5), scores(5, seed=1)
    candidate -= candidate.mean(0) - 0.8
    baseline -= baseline.mean(0) - 0.8
    interval = method_interval(candidate, baseline, slots())
    assert interval.case_part == 0
    assert interval.df <= 2 * 4 * 4


def test_batches_give_what_single_comparisons_give():
    candidate, baseline = scores(3), scores(3, seed=1)
    batch = method_interval(np.stack([candidate, baseline]), np.stack([baseline, candidate]), slots())
    single = method_interval(candidate, baseline, slots())
    assert batch.difference == pytest.approx([single.difference, -single.difference])
    assert batch.se == pytest.approx([single.se, single.se])
    assert batch.df == pytest.approx([single.df, single.df])


def test_identical_arms_have_no_difference_and_p_one():
    arm = scores(2)
    interval = method_interval(arm[:1], arm[:1], slots())
    assert (float(interval.p), *np.ravel(interval.bounds)) == (1.0, 0.0, 0.0)


def test_one_fold_with_one_run_has_no_method_interval():
    interval = method_interval(scores(1, 10), scores(1, 10, 1), slots(1))
    assert np.isnan(interval.bounds).all()
    assert np.isnan(interval.p)


def test_trained_models_interval_is_the_t_test_on_one_stratum():
    difference = np.random.default_rng(0).normal(0.01, 0.05, 60)
    expected = stats.ttest_1samp(difference, 0).confidence_interval()
    assert np.ravel(trained_interval(difference, slots(1, 60)).bounds) == pytest.approx(list(expected))


def test_trained_models_interval_keeps_fold_differences_out():
    of_fold = np.repeat([0.0, 1.0, 2.0, 3.0], 10)  # varies between strata only
    assert np.ravel(trained_interval(of_fold, slots()).bounds) == pytest.approx((1.5, 1.5))


def test_degrees_of_freedom_never_fall_below_those_of_the_runs():
    candidate, baseline = (np.random.default_rng(i).normal(0.8, 0.05, (500, 2, 10)) for i in (0, 1))
    interval = method_interval(candidate, baseline, slots(1, 10))
    assert interval.df.min() >= 1
    assert np.isfinite(np.stack(interval.bounds)).all()
    assert np.quantile(interval.bounds[1] - interval.bounds[0], 0.99) < 1.0


def test_runs_of_folds_of_unequal_size_have_fewer_degrees_of_freedom():
    sizes = [200, 20, 20, 20, 20]
    unequal = Slots(tuple(np.repeat(range(5), sizes).tolist()), tuple(map(str, range(280))), {})
    weights = np.array(sizes) / 280
    assert unequal.effective_folds == pytest.approx((weights**2).sum() ** 2 / (weights**4).sum())
    assert slots().effective_folds == pytest.approx(4)
