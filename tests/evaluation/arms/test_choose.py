"""What a comparison refuses, each with one sentence; folders are made up, nothing is trained."""

import itertools
import json
import os
import re
import shutil

import numpy as np
import pytest
from fake_results import LLM4SEG, VANILLA, analysed, make, refuse, write_json
from nnunetv2.evaluation.evaluate_predictions import compute_metrics
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation.report.write import without_nan

FAKE = "Dataset901_Fake"


def test_a_fold_that_was_not_trained(results):
    shutil.rmtree(results.fold(LLM4SEG, 1))
    refuse("fold 1 .*not trained; train it, or omit it with --folds", ComparisonError, folds=[0, 1])


def test_a_fold_outside_the_splits(results):
    refuse("fold 2 is not in splits_final.json", folds=[0, 2])


def test_a_fold_named_twice(results):
    refuse("name each fold once", folds=[0, 0])


def test_unfinished_training(results):
    (results.fold(LLM4SEG, 0) / "checkpoint_final.pth").unlink()
    refuse("training is not finished; continue it", folds=[0, 1])


def test_unfinished_validation(results):
    (results.fold(VANILLA, 0) / "validation" / "summary.json").unlink()
    refuse("validation is not finished; run", folds=[0, 1])


def test_without_folds_those_that_every_run_of_every_arm_has_finished_are_compared(results):
    shutil.rmtree(results.fold(LLM4SEG, 1, root=1))
    summary = analysed(runs=results.roots[1:])
    assert summary["folds"] == [0] and summary["runs"] == {VANILLA: 2, LLM4SEG: 2}
    warning = f"Fold 1 is omitted: {LLM4SEG} in {results.roots[1]} (not trained)."
    assert summary["warnings"] == [warning] and warning in summary["notes"]


def test_no_fold_that_all_arms_have_finished(results):
    (results.fold(LLM4SEG, 0) / "checkpoint_final.pth").unlink()
    (results.fold(VANILLA, 1) / "validation" / "summary.json").unlink()
    refuse(
        "no fold is finished in all arms and runs; fold 0 lacks the least:"
        rf" {LLM4SEG} in {re.escape(str(results.roots[0]))} \(training is not finished\); finish it",
        ComparisonError,
    )


def test_different_splits_name_what_differs(results):
    validation = results.fold(LLM4SEG, 0) / "validation"
    (validation / "p00_000.png").rename(validation / "p00_001.png")
    refuse(r"1 missing \(p00_000\), 1 unexpected \(p00_001\)")


def test_predictions_of_another_shape(results):
    results.write_mask(results.fold(LLM4SEG, 0) / "validation" / "p00_000.png", np.zeros((5, 5)))
    refuse("not predictions of this data set", DatasetError)


def test_predictions_with_unknown_labels(results):
    results.write_mask(results.fold(LLM4SEG, 0) / "validation" / "p00_000.png", np.full((24, 24), 7))
    refuse("holds the label 7", DatasetError)


def test_predictions_that_are_no_images(results):
    (results.fold(LLM4SEG, 0) / "validation" / "p00_000.png").write_bytes(b"torn")
    refuse("cannot be read", DatasetError)


def name_labels(results, labels):
    for folder in (
        results.preprocessed / FAKE,
        *(results.folder(a, r) for a in results.arms for r in (0, 1)),
    ):
        write_json(folder / "dataset.json", {**results.info, "labels": labels})


def test_a_label_that_occurs_in_no_reference_is_omitted_with_a_warning(results):
    before = analysed()
    name_labels(results, {"background": 0, "cyst": 3, "mass": 1, "core": 2})
    summary = analysed()
    warning = "No reference of fold(s) 0, 1 contains the label 'cyst': omitted."
    assert summary["warnings"] == [warning] and warning in summary["notes"]
    assert summary["labels"] == ["mass", "core"]
    for key in ("scores", "comparisons", "descriptive", "empty_masks"):
        assert without_nan(summary[key]) == without_nan(before[key])


def test_references_that_contain_no_label_at_all(results):
    for path in (results.preprocessed / FAKE / "gt_segmentations").iterdir():
        results.write_mask(path, np.zeros((24, 24)))
    refuse("fold\\(s\\) 0, 1: no reference holds any of mass, core", ComparisonError)


def test_an_arm_against_itself(results):
    refuse("nothing to compare", baseline=VANILLA, candidates=[VANILLA])


def test_one_case_only(results):
    names = results.names
    write_json(results.preprocessed / FAKE / "splits_final.json", [{"train": names[1:], "val": names[:1]}])
    for arm in results.arms:
        for path in (results.fold(arm, 0) / "validation").glob("*.png"):
            if path.stem != names[0]:
                path.unlink()
    refuse(r"1 case\(s\) in 1 cluster")


def test_all_cases_of_one_patient(results):
    refuse("in 1 cluster", group_by="^p")


def test_no_candidate(results):
    shutil.rmtree(results.folder(LLM4SEG))
    refuse("0 LLM4Seg arms")


def test_several_candidates_and_none_named(results):
    shutil.copytree(results.folder(LLM4SEG), results.roots[0] / FAKE / "nnUNetTrainerLLM4SegRandom__nnUNetPlans__2d")
    refuse("name the main one first")


@pytest.mark.parametrize("name", ["nnUNetTrainer", "a__b__c", "__nnUNetPlans"])
def test_a_malformed_arm(results, name):
    refuse("TRAINER__PLANS", candidates=[name])


def test_an_arm_that_was_never_trained_lists_those_that_were(results):
    refuse(f"another arm: .*{VANILLA}", candidates=["nnUNetTrainerLLM4SegGated__nnUNetPlans"])


@pytest.mark.parametrize("dataset", ["902", "Dataset902_None", "nothing"])
def test_an_unknown_data_set(results, dataset):
    refuse(dataset, DatasetError, dataset=dataset)


def test_a_results_root_named_twice_is_no_second_run(results):
    refuse("named twice", runs=[results.roots[0].parent / "x" / ".." / results.roots[0].name])


@pytest.mark.parametrize("variable", ["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"])
def test_an_unset_variable(results, monkeypatch, variable):
    monkeypatch.delenv(variable)
    refuse(f"{variable} is not set")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("plans.json", [], "no plans of nnU-Net's"),
        ("plans.json", {"configurations": 3}, "no plans of nnU-Net's"),
        ("plans.json", {"configurations": {"2d": []}}, "no plans of nnU-Net's"),
        ("dataset.json", {"labels": {"background": 0}}, "channel_names is missing"),
    ],
)
def test_results_whose_files_are_not_nnunets(results, file, content, message):
    write_json(results.folder(LLM4SEG) / file, content)
    refuse(f"{file}: .*{message}", DatasetError)


def test_groups_may_name_cases_that_no_split_uses_but_no_strangers(results):
    raw = results.raw / FAKE
    (raw / "imagesTs").mkdir(exist_ok=True)
    shutil.copy(raw / "imagesTr" / f"{results.names[0]}_0000.png", raw / "imagesTs" / "test_1_0000.png")
    # as `llm4seg convert` writes it: two training images, both near-duplicates of one test image
    write_json(raw / "groups.json", {"rule": "same hash", "groups": [[*results.names[:2], "test_1"]]})
    summary = analysed()
    assert summary["clusters"] == {"rule": "same hash", "count": len(results.names) - 1}
    write_json(raw / "groups.json", {"rule": "same hash", "groups": [[results.names[0], "stranger"]]})
    refuse("'stranger' is no case of this data set", DatasetError)


def test_correction_for_shared_training_cases_knows_how_many_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path, monkeypatch, folds=4)
    method = analysed(folds=[0, 1])["comparisons"][0]["method"]
    plain, correlated = (high - low for low, high in (method["interval"], method["interval_correlated"]))
    # two of four folds: 2 cases tested on 6, not on 2
    assert (correlated / plain) ** 2 == pytest.approx(1 + 2 * 2 / 6)


def test_a_results_root_without_any_run(results, tmp_path):
    refuse("--runs: nowhere holds no run of nnUNetTrainer__nnUNetPlans, ", ComparisonError, runs=["nowhere"])


@pytest.mark.parametrize("splits", [{}, [], [{"train": ["a"]}], [{"train": [], "val": ["a"]}], 3])
def test_splits_that_are_none(results, splits):
    write_json(results.preprocessed / FAKE / "splits_final.json", splits)
    refuse("splits_final.json: not a list of folds", DatasetError)


def test_a_users_variant_whose_twin_is_not_trained(results):
    shutil.move(results.folder(LLM4SEG), results.roots[0] / FAKE / "nnUNetTrainerLLM4SegDA5__nnUNetPlans__2d")
    refuse(
        "twin of nnUNetTrainerLLM4SegDA5__nnUNetPlans is nnUNetTrainerDA5__nnUNetPlans, which is not trained; train it"
        f" with `nnUNetv2_train {FAKE} 2d FOLD -tr nnUNetTrainerDA5 -p nnUNetPlans`",
        ComparisonError,
    )


def test_the_fold_all_has_no_held_out_cases(results):
    refuse("--folds: the fold `all` is trained on every case, so it has no held-out cases", folds=["all"])


@pytest.mark.parametrize("fold", ["x", "-1"])
def test_a_fold_that_is_no_number(results, fold):
    refuse(f"fold {fold} is not in splits_final.json", folds=[fold])


def test_a_case_twice_in_one_fold(results):
    path = results.preprocessed / FAKE / "splits_final.json"
    splits = json.loads(path.read_text())
    splits[0]["val"].append("p00_000")
    write_json(path, splits)
    refuse("fold 0 validates p00_000 twice", ComparisonError, folds=[0, 1])


def test_splits_that_were_changed_after_training(results):
    path = results.preprocessed / FAKE / "splits_final.json"
    now = path.stat().st_mtime + 60
    os.utime(path, (now, now))
    assert any("splits_final.json is newer than 4 of the trainings" in note for note in analysed()["notes"])
    log = results.fold(LLM4SEG, 1) / "training_log_2026_1_1_10_00_00.txt"
    stamp = "2026-01-01 09:59:59.000000: "
    log.write_text(f"{stamp}This split has 3 training and 4 validation cases.\n{log.read_text()}")
    refuse("fold 1 in .*: it was trained on 3 and validated on 4 cases, but splits_final.json has 4 and 4 now")


def test_predictions_that_were_postprocessed(results):
    metrics = {"1": {"Dice": 0.123}, "2": {"Dice": float("nan")}}
    entry = {"prediction_file": "/x/p00_000.png", "reference_file": "/y/p00_000.png", "metrics": metrics}
    write_json(results.fold(VANILLA, 0) / "validation" / "summary.json", {"metric_per_case": [entry]})
    refuse(r"fold 0 in .*: 1 of 4 predictions are not those .* \(p00_000 is the first\); they were postprocessed")


def test_a_summary_that_nnunet_has_not_written(results):
    write_json(results.fold(VANILLA, 0) / "validation" / "summary.json", {"metric_per_case": [{"metrics": {}}]})
    refuse(r"summary\.json: is not what nnU-Net writes \(KeyError")


def test_predictions_as_nnunet_validated_them_are_compared(results):
    truth = results.preprocessed / FAKE / "gt_segmentations"
    for arm, root, fold in itertools.product((VANILLA, LLM4SEG), (0, 1), (0, 1)):
        validation = results.fold(arm, fold, root) / "validation"
        pairs = [(str(truth / path.name), str(path)) for path in validation.glob("*.png")]
        found = [compute_metrics(*pair, NaturalImage2DIO(), [1, 2]) for pair in pairs]
        told = [
            {**one, "metrics": {str(label): {"Dice": float(m["Dice"])} for label, m in one["metrics"].items()}}
            for one in found
        ]
        write_json(validation / "summary.json", {"metric_per_case": told})
    assert analysed(runs=results.roots[1:])["folds"] == [0, 1]


def test_another_number_of_training_cases(results):
    path = results.folder(LLM4SEG) / "dataset.json"
    write_json(path, {**json.loads(path.read_text()), "numTraining": 80})
    refuse("numTraining is 80 in")


def test_methods_name_only_the_versions_that_trainings_recorded(results):
    assert analysed()["methods"].startswith("Models trained with nnU-Net (version not recorded) were compared on")
    for fold in (0, 1):
        path = results.fold(LLM4SEG, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "nnunetv2_version": "2.8.1"})
    said = analysed(group_by=r"^p(\d+)")
    assert said["methods"].startswith(
        f"Models trained with nnU-Net 2.8.1 (not recorded for {VANILLA}) were compared on"
    )
    assert said["clusters"]["rule"] == r"by '^p(\d+)' in the case names"
