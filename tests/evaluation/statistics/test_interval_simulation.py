"""Coverage of both intervals on simulated trainings, through the code that users run. Seeds are fixed."""

import numpy as np
import pytest

from nnunet_llm4seg.evaluation.statistics.intervals import fold_interval, method_interval, trained_interval
from nnunet_llm4seg.evaluation.statistics.slots import Slots

DATASETS = 2_500
CASES = 40
CASE_SD = RUN_BY_CASE_SD = 3.0


def simulate(folds: int, runs: int, run_sd: float, *, training_set_sd: float = 0.0, sizes=None):
    """Scores (DATASETS, runs, count) of two arms without a difference on average, in points."""
    rng = np.random.default_rng([folds, runs, int(10 * run_sd), int(10 * training_set_sd)])
    sizes = sizes or [CASES] * folds
    count = sum(sizes)
    slots = Slots(tuple(np.repeat(range(folds), sizes).tolist()), tuple(map(str, range(count))), {})

    def arm(levels):
        run = run_sd * rng.standard_normal((DATASETS, runs, folds), dtype=np.float32).repeat(sizes, -1)
        return levels + run + RUN_BY_CASE_SD * rng.standard_normal((DATASETS, runs, count), dtype=np.float32)

    level = 80 + 10 * rng.standard_normal((DATASETS, 1, count), dtype=np.float32)
    gain = CASE_SD * rng.standard_normal((DATASETS, 1, count), dtype=np.float32)
    gain += training_set_sd * rng.standard_normal((DATASETS, 1, folds), dtype=np.float32).repeat(sizes, -1)
    return arm(level + gain), arm(level), slots


def coverage(bounds):
    return np.mean((bounds[0] < 0) & (bounds[1] > 0))


@pytest.mark.parametrize("folds", [3, 5])
@pytest.mark.parametrize("runs", [1, 3, 5])
@pytest.mark.parametrize("run_sd", [0.0, 0.5, 1.0])
def test_method_interval_covers_and_rejects_as_it_says(folds, runs, run_sd):
    candidate, baseline, slots = simulate(folds, runs, run_sd)
    interval = method_interval(candidate, baseline, slots)
    assert 0.935 <= coverage(interval.bounds) <= 0.965
    assert 0.035 <= np.mean(interval.p < 0.05) <= 0.065


@pytest.mark.parametrize("sizes", [[60, 40, 20], [80, 20, 20], [100, 20, 20, 20, 20]], ids=str)
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("run_sd", [0.0, 1.0])
def test_method_interval_covers_with_folds_of_unequal_size(sizes, runs, run_sd):
    interval = method_interval(*simulate(len(sizes), runs, run_sd, sizes=sizes))
    longest = 0.965 if runs > 1 else 0.99  # one run: small folds vary more than the formula thinks
    assert 0.925 <= coverage(interval.bounds) <= longest


@pytest.mark.parametrize(("run_sd", "low", "high"), [(0.0, 0.92, 0.97), (1.0, 0.5, 0.85)])
def test_trained_models_interval_misses_the_method_once_there_is_run_noise(run_sd, low, high):
    candidate, baseline, slots = simulate(5, 3, run_sd)
    difference = (candidate.mean(-2) - baseline.mean(-2))[:1_000]
    assert low <= coverage(trained_interval(difference, slots).bounds) <= high


def test_method_interval_is_about_these_training_sets_and_the_fold_interval_about_others():
    candidate, baseline, slots = simulate(5, 3, 0.5, training_set_sd=1.0)
    assert coverage(method_interval(candidate, baseline, slots).bounds) < 0.85
    assert 0.935 <= coverage(fold_interval(candidate, baseline, slots).bounds) <= 0.965


@pytest.mark.parametrize("runs", [2, 3])
def test_method_interval_covers_with_overlapping_folds_and_clusters(runs):
    rng = np.random.default_rng(runs)
    folds = np.repeat(range(3), 40)
    cases = np.concatenate([rng.choice(100, 40, replace=False) for _ in range(3)])
    slots = Slots(
        tuple(folds.tolist()),
        tuple(f"{c:03d}" for c in cases),
        {f"{c:03d}": f"g{c // 2}" for c in range(100)},
    )
    of_cluster = CASE_SD * rng.standard_normal((DATASETS, 50), dtype=np.float32)

    def arm(gain):
        run = rng.standard_normal((DATASETS, runs, 3), dtype=np.float32)[..., folds]
        noise = RUN_BY_CASE_SD * rng.standard_normal((DATASETS, runs, 120), dtype=np.float32)
        return gain[:, None, cases // 2] + run + noise

    interval = method_interval(arm(of_cluster), arm(0 * of_cluster), slots)
    assert 0.93 <= coverage(interval.bounds) <= 0.97
