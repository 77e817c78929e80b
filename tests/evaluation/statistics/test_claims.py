"""The whole sentence that is claimed, for each kind of comparison."""

import re

import numpy as np
import pytest
from score_tables import scores, slots

from nnunet_llm4seg.evaluation.statistics.claims import claim
from nnunet_llm4seg.evaluation.statistics.decision import verdict
from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval
from nnunet_llm4seg.evaluation.statistics.results import adjust, compare_primary

POINTS = r"[+−]\d+\.\d\d"
BETTER = rf"{POINTS} points of Dice, 95 % interval for the method \[{POINTS}, {POINTS}\]"


def sentence(runs, folds=4, shift=0.1):
    """The claim for a candidate that is better by `shift` (one number, or one per case); runs of both."""
    skeleton = slots(folds)
    candidate, baseline = scores(runs[0], 10 * folds, shift=shift), scores(runs[1], 10 * folds, seed=1)
    pair = {"candidate": "new", **compare_primary(candidate, baseline, skeleton, target=0.01)}
    adjust([pair])
    both = (rule(candidate, baseline, skeleton) for rule in (method_interval, fold_interval))
    pair["verdict"] = str(verdict(*both, pair["method"]["p_holm"]))
    return claim(pair, "dice", runs=runs)


@pytest.mark.parametrize(
    ("runs", "where", "single"),
    [
        ((1, 1), "in one run per arm", "per arm"),
        ((3, 1), "in 3 runs against 1", "of the baseline"),
        ((1, 2), "in 1 run against 2", "of new"),
    ],
)
def test_with_one_run_in_an_arm_a_candidate_is_at_most_ahead(runs, where, single):
    assert re.fullmatch(
        rf"new is ahead of the baseline {where}; no claim about the method can be made: {BETTER}; with one run"
        rf" {single} an effect of the random seed cannot be excluded\.",
        sentence(runs),
    )


def test_one_fold_with_several_runs_says_so():
    assert re.fullmatch(
        rf"new is ahead of the baseline on one split; no claim about the method can be made: {BETTER}; one fold shows"
        r" nothing of other training sets\.",
        sentence((3, 3), folds=1),
    )


@pytest.mark.parametrize(("runs", "single"), [((1, 1), "per arm"), ((2, 1), "of the baseline"), ((1, 3), "of new")])
def test_one_fold_with_one_run_allows_no_claim(runs, single):
    assert re.fullmatch(
        rf"No claim about the methods can be made: new differs by {POINTS} points of Dice on these cases, but one fold"
        rf" with one run {single} shows nothing of how much training varies; train more folds or runs\.",
        sentence(runs, folds=1),
    )


def test_several_runs_and_folds_claim():
    assert re.fullmatch(
        rf"On this data set and these splits new is better than the baseline: {BETTER}\.", sentence((3, 3))
    )


def test_a_gain_that_depends_on_the_training_set_is_not_claimed_from_interval_b_alone():
    gain = np.repeat([0.3, 0.0, 0.3, 0.0], 10)
    assert re.fullmatch(
        rf"It cannot be claimed that new is better or worse than the baseline: {BETTER}; over other training sets, by"
        r" a t test over folds, the interval \[−\d+\.\d\d, \+\d+\.\d\d\] contains zero; with 80 % power these cases"
        r" and runs could have shown \d+\.\d\d points\.",
        sentence((3, 3), shift=gain),
    )
