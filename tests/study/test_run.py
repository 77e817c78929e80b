"""What `run` says before the first training, and what it refuses."""

import re

from stand_in import NAME, TEXT


def test_a_dry_run_prints_the_plan_and_changes_nothing(ready, tmp_path):
    bench = ready()
    bench.file.write_text(TEXT.replace("study: s", "study: other"))
    before = sorted(tmp_path.rglob("*"))
    printed = bench.run("run", bench.file, "--dry-run")
    assert sorted(tmp_path.rglob("*")) == before
    for line in (
        "arm vanilla (baseline): nnU-Net's own network; nnUNetTrainer_5epochs, nnUNetPlans",
        "arm frozen: model llama, layer 1; nnUNetTrainerLLM4Seg_5epochs, nnUNetPlans_other_frozen",
        "claims, in this order: frozen > vanilla",
        f"first: write plans nnUNetPlans_other_frozen of {NAME}",
        "8 trainings: 8 waiting",
        "8 trainings remain: hours unknown before the first epoch; about 4.0 GB of disk, assumed",
    ):
        assert line in printed, printed


def test_hours_and_disk_are_estimated_from_what_is_done(small):
    small.run("run", small.file)
    small.write(TEXT.replace("runs: 2", "runs: 3").replace("folds: all", "folds: [0]"))
    printed = small.run("run", small.file, "--dry-run")
    assert re.search(r"4 trainings remain: about 0\.0 hours with 1 at a time \(from 2 logs\); about 0\.0 GB", printed)


def test_a_smoke_run_has_its_own_folder_and_trainers(small):
    small.control(epochs=1)
    printed = small.run("run", small.file, "--epochs", "smoke")
    assert f"first: keep the splits of {NAME}" in printed  # what is missing is prepared
    assert (small.root / "s_smoke" / "datasets" / NAME / "splits_final.json").is_file()
    assert not (small.folder / "results").exists()
    names = {path.parent.name for path in (small.root / "s_smoke" / "results").rglob("fold_0")}
    assert names == {
        "nnUNetTrainerVanilla_smoke__nnUNetPlans__2d",
        "nnUNetTrainerLLM4Seg_smoke__nnUNetPlans_s_frozen__2d",
    }
    assert "epoch" not in small.run("status", small.root / "s_smoke")


def test_a_gpu_that_is_not_there_is_named_before_the_first_training(small):
    small.file.write_text(small.file.read_text().replace("slots: 1", "gpus: [0, 99]"))
    printed = small.run("run", small.file, "--amend", rc=2, CUDA_VISIBLE_DEVICES="")
    assert "llm4seg: engine: gpus: there is no GPU 0, torch finds no GPU; correct the list." in printed
    assert not small.times("start")


def test_a_preprocessed_file_that_is_empty_is_named(small):
    (small.root / "nnUNet_preprocessed" / NAME / "P_2d" / "case_1.pkl").write_text("")
    printed = small.run("run", small.file, rc=2)
    assert "the preprocessed files of case_1 are missing or empty" in printed
    assert not small.times("start")


def test_changed_splits_are_refused(small):
    path = small.root / "nnUNet_preprocessed" / NAME / "splits_final.json"
    path.write_text(path.read_text().replace("case_1", "case_9"))
    printed = small.run("run", small.file, rc=2)
    assert "have changed since the study began" in printed and "Traceback" not in printed


def test_a_changed_file_is_refused_and_amended(small):
    small.file.write_text(small.file.read_text() + "# a remark\n")
    assert "a changed file is a new study" in small.run("run", small.file, rc=2)
    small.run("run", small.file, "--amend")
    small.each_once(2)


def test_a_model_that_is_not_there_is_named_before_the_first_training(small):
    text = TEXT.replace("study: s", "study: t").replace("model: llama", "model: ./nowhere")
    small.write(text)
    printed = small.run("run", small.file, rc=2)
    assert "llm4seg: the study cannot be prepared: " in printed and "nowhere" in printed
    assert not small.times("start")


def test_preprocessing_that_was_killed_is_completed(small):
    case = small.root / "nnUNet_preprocessed" / NAME / "P_2d" / "case_1.pkl"
    case.unlink()
    small.command("nnUNetv2_preprocess", f"#!/bin/sh\necho x > {case}\n")
    printed = small.run("run", small.file)
    assert f"first: preprocess {NAME} 2d" in printed
    assert "nnUNetv2_preprocess -d 1 -plans_name nnUNetPlans -c 2d" in printed
    small.each_once(2)


def test_preprocessing_that_leaves_cases_out_is_refused(small):
    (small.root / "nnUNet_preprocessed" / NAME / "P_2d" / "case_1.pkl").unlink()
    small.command("nnUNetv2_preprocess", "#!/bin/sh\n")
    printed = small.run("run", small.file, rc=2)
    assert "fewer preprocessed cases than numTraining" in printed
    assert not small.times("start")
