"""Arms that differ in more than the bottleneck; folders are made up, nothing is trained."""

import json
import shutil

import pytest
from fake_results import LLM4SEG, VANILLA, refuse, write_json

from nnunet_llm4seg.evaluation.arms import differences
from nnunet_llm4seg.evaluation.arms.find import find_arm

FAKE = "Dataset901_Fake"


def change_plans(results, arm, change, root=0):
    path = results.folder(arm, root) / "plans.json"
    plans = json.loads(path.read_text())
    change(plans["configurations"]["2d"])
    write_json(path, plans)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("patch_size", [32, 32]), ("batch_size", 4), ("spacing", [2.0, 2.0]), ("data_identifier", "x")],
)
def test_arms_that_differ_in_more_than_the_bottleneck(results, setting, value):
    change_plans(results, LLM4SEG, lambda chosen: chosen.update({setting: value}))
    refuse(f"more than the bottleneck: {setting} is .* Train them alike")


def test_a_deeper_network_is_a_difference(results):
    change_plans(results, LLM4SEG, lambda chosen: chosen["architecture"]["arch_kwargs"].update(n_stages=4))
    refuse("architecture.arch_kwargs.n_stages is 4")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_epochs", "5"),
        ("num_iterations_per_epoch", "10"),
        ("loss", "DiceLoss()"),
        ("optimizer", "AdamW (\n lr: 1)"),
    ],
)
def test_other_training_is_a_difference(results, setting, value):
    path = results.fold(LLM4SEG, 1) / "debug.json"
    write_json(path, {**json.loads(path.read_text()), setting: value})
    refuse(f"bottleneck: {setting} is")


def test_settings_are_compared_fold_by_fold(results):
    for arm, epochs in ((LLM4SEG, "29"), (VANILLA, "92")):
        for fold, number in enumerate(epochs):
            path = results.fold(arm, fold) / "debug.json"
            write_json(path, {**json.loads(path.read_text()), "num_epochs": number})
    refuse("num_epochs is 2 in .* but 9 in the baseline")


def test_another_checkpoint_than_the_final_one_is_a_difference(results):
    path = results.fold(LLM4SEG, 1) / "debug.json"
    write_json(path, {**json.loads(path.read_text()), "validated_checkpoint": "checkpoint_best.pth"})
    refuse("validated_checkpoint is checkpoint_best.pth in .* but checkpoint_final.pth in the baseline")


def test_arms_that_do_not_say_their_nnunets_version_are_named(results):
    path = results.fold(LLM4SEG, 1) / "debug.json"
    write_json(path, {**json.loads(path.read_text()), "nnunetv2_version": "2.8.1"})
    arms = [find_arm(results.roots[:1], FAKE, name, "2d") for name in (LLM4SEG, VANILLA)]
    silent = differences.unrecorded(arms, [0, 1])
    assert set(silent[VANILLA]) - set(silent[LLM4SEG]) == {"nnunetv2_version"}


def test_the_learning_rate_of_a_continued_run_is_no_difference(results):
    path = results.fold(LLM4SEG, 1) / "debug.json"
    debug = json.loads(path.read_text())
    write_json(path, {**debug, "optimizer": debug["optimizer"].replace("lr: 0.01", "lr: 0.004")})
    arms = [find_arm(results.roots[:1], FAKE, name, "2d") for name in (LLM4SEG, VANILLA)]
    assert differences.differences(*arms, "2d", [0, 1]) == []


def test_two_runs_with_different_layers_are_not_one_arm(results):
    change_plans(results, LLM4SEG, lambda c: c["architecture"]["llm4seg_resolved"].update(sha256="1" * 64), root=1)
    refuse("sha256 is .* not runs of one method", runs=[results.roots[1]])


def test_control_layers_from_other_seeds_are_runs_of_one_arm(results):
    for root, seed in enumerate("12"):

        def change(chosen, seed=seed):
            resolved = chosen["architecture"]["llm4seg_resolved"]
            resolved["sha256"] = seed * 64
            resolved["config"].update(weights="random", seed=int(seed))

        change_plans(results, LLM4SEG, change, root)
    differences.check_runs_alike(find_arm(results.roots, FAKE, LLM4SEG, "2d"), "2d", [0, 1])


def test_inherited_settings_are_compared_too(results):
    path = results.folder(LLM4SEG) / "plans.json"
    plans = json.loads(path.read_text())
    parent = plans["configurations"]["2d"]
    plans["configurations"] = {
        "2d": {"inherits_from": "large", "architecture": parent.pop("architecture")},
        "large": {**parent, "patch_size": [512, 512]},
    }
    write_json(path, plans)
    refuse(r"patch_size is \[512, 512\] in .* but \[24, 24\] in the baseline")


def test_inheriting_the_same_is_no_difference(results):
    path = results.folder(LLM4SEG) / "plans.json"
    plans = json.loads(path.read_text())
    plans["configurations"] = {"2d": {"inherits_from": "base"}, "base": plans["configurations"]["2d"]}
    write_json(path, plans)
    arms = [find_arm(results.roots[:1], FAKE, name, "2d") for name in (LLM4SEG, VANILLA)]
    assert differences.differences(*arms, "2d", [0, 1]) == []
    assert differences.layer_settings(arms[0], "2d")["layer"] == 14


def test_the_reports_settings_name_family_and_quantisation(results):
    def change(chosen):
        chosen["architecture"]["llm4seg_resolved"] |= {"quantisation": "Q4_K_M", "model_config": {"model_type": "vit"}}

    change_plans(results, LLM4SEG, change)
    found = differences.layer_settings(find_arm(results.roots[:1], FAKE, LLM4SEG, "2d"), "2d")
    assert (found["family"], found["quantisation"]) == ("vit (vision)", "Q4_K_M: 4-bit weights, dequantised")


def test_what_only_one_arm_recorded_is_a_difference(results):
    (results.fold(LLM4SEG, 1) / "debug.json").unlink()
    refuse("num_epochs is not recorded in .* but 2 in the baseline")


def test_another_augmentation_is_a_difference(results):
    stranger = "nnUNetTrainerDA5__nnUNetPlans"
    shutil.copytree(results.folder(VANILLA), results.folder(stranger))
    refuse("trainer is nnUNetTrainerLLM4Seg in .* but nnUNetTrainerDA5 in the baseline", baseline=stranger)


def test_cascades_with_different_first_stages_differ_in_more_than_the_bottleneck(results):
    for arm in (LLM4SEG, VANILLA):
        change_plans(results, arm, lambda chosen: chosen.update(previous_stage="3d_lowres"))
    refuse("bottleneck: first stage is .*LLM4Seg__nnUNetPlans__3d_lowres.* but .*Trainer__nnUNetPlans__3d_lowres")


def test_cascades_that_share_a_first_stage_by_a_link_are_equal(results):
    for arm in (LLM4SEG, VANILLA):
        change_plans(results, arm, lambda chosen: chosen.update(previous_stage="3d_lowres"))
    stage = results.folder(VANILLA).with_name(f"{VANILLA}__3d_lowres")
    (stage / "predicted_next_stage").mkdir(parents=True)
    stage.with_name(f"{LLM4SEG}__3d_lowres").symlink_to(stage)
    arms = [find_arm(results.roots[:1], FAKE, name, "2d") for name in (LLM4SEG, VANILLA)]
    assert differences.differences(*arms, "2d", [0, 1]) == []
