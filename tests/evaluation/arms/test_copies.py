"""Runs that are copies of each other."""

import shutil

import numpy as np
from fake_results import LLM4SEG, VANILLA, analysed, refuse

from nnunet_llm4seg.errors import ComparisonError


def test_a_copied_run_is_refused(results, tmp_path):
    shutil.copytree(results.roots[0], tmp_path / "copy")
    refuse(r"fold 0: .* have the same checkpoint; a copy is no run", ComparisonError, runs=[tmp_path / "copy"])


def test_a_single_copied_fold_is_refused(results):
    shutil.copy(results.fold(LLM4SEG, 1) / "checkpoint_final.pth", results.fold(LLM4SEG, 1, root=1))
    refuse(rf"{LLM4SEG}, fold 1: .* have the same checkpoint", runs=[results.roots[1]])


def test_copied_predictions_of_one_fold_are_refused(results):
    for path in (results.fold(VANILLA, 1) / "validation").glob("*.png"):
        shutil.copy(path, results.fold(VANILLA, 1, root=1) / "validation")
    refuse(rf"{VANILLA}, fold 1: .* have exactly the same predictions", runs=[results.roots[1]])


def test_runs_that_predict_nothing_at_all_are_no_copies(results):
    for root in (0, 1):
        for path in (results.fold(VANILLA, 1, root) / "validation").glob("*.png"):
            results.write_mask(path, np.zeros((24, 24)))
    assert analysed(runs=[results.roots[1]])["runs"][VANILLA] == 2
