"""`cancel`, `retry` and `status`, for some trainings or all."""

import json

import pytest
from fold_files import write_log

KEY = "run_1/Dataset001_X/{}/fold_0"


def test_what_is_cancelled_stops_and_is_not_started_until_retried(small):
    small.control(pause=1)
    launcher = small.start("run", small.file)
    small.wait(lambda: small.times("epoch"))
    assert "2 are cancelled" in small.run("cancel", small.file)
    output, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 1 and "cancelled: run_1/Dataset001_X/vanilla/fold_0" in output
    assert not small.pids()
    assert "cancelled" in small.run("status", small.file, "--watch")  # which ends, as nothing waits or runs
    assert {training["state"] for training in small.status().values()} == {"cancelled"}
    small.control()
    assert "2 are cancelled; `llm4seg study retry` lets them train again" in small.run("run", small.file, rc=1)
    small.run("retry", small.file, "--arm", "frozen", "--fold", "0")
    small.run("run", small.file, rc=1)
    assert [key for key in small.times("final")] == ["run_1/nnUNetPlans_s_frozen/fold_0"]


def test_a_running_training_shows_its_epoch_rate_and_eta(small):
    small.control(pause=2)
    launcher = small.start("run", small.file)
    small.wait(lambda: small.times("epoch")["run_1/nnUNetPlans/fold_0"] >= 2)
    states = small.status()
    running = states[KEY.format("vanilla")]
    assert running["state"] == "running" and running["epochs"] == 5 and running["epoch"] == 2
    assert running["seconds_per_epoch"] == 2.0 and running["eta_s"] == 6.0 and running["where"]
    assert states[KEY.format("frozen")]["state"] == "waiting"
    assert "epoch 2 of 5, 2 s each, 0.0 h left" in small.run("status", small.file, COLUMNS="200")
    launcher.terminate()
    launcher.communicate(timeout=60)


def test_the_status_needs_the_studys_folder_only(small):
    small.run("run", small.file)
    content = json.loads(small.run("status", small.folder, "--json", nnUNet_raw="", nnUNet_preprocessed=""))
    assert content["count"]["done"] == 2 and content["study"] == "s"


def test_a_stopped_training_says_where_it_stands(small):
    fold = small.folder / "results/run_1/Dataset001_X/nnUNetTrainer_5epochs__nnUNetPlans__2d/fold_0"
    write_log(fold, 3)
    assert "waiting at epoch 3 of 5" in small.run("status", small.file, COLUMNS="200")


def test_an_arm_that_does_not_exist_is_named(small):
    printed = small.run("cancel", small.file, "--arm", "frosen", rc=2)
    assert "llm4seg: --arm: 'frosen' is not in this study; choose from frozen, vanilla." in printed


@pytest.mark.parametrize(
    "squeue", [None, "echo 'squeue: error: DNS' >&2; echo 'squeue: fatal: no configuration' >&2; exit 1"]
)
def test_a_machine_that_does_not_know_the_queue_shows_the_files_state_and_says_so(ready, tmp_path, squeue):
    study = ready(runs="1", folds="[0]", engine='{kind: slurm, cpus: 1, mem: 200M, time: "00:10:00"}')
    (tmp_path / "path").mkdir()
    if squeue:
        (tmp_path / "path/squeue").write_text(f"#!/bin/sh\n{squeue}\n")
        (tmp_path / "path/squeue").chmod(0o755)
    printed = study.run("status", study.file, PATH=str(tmp_path / "path"))
    reason = "squeue failed (squeue: fatal: no configuration)" if squeue else "there is no squeue on this machine"
    assert "waiting" in printed and reason in printed
    assert "Until then a queued training is shown as waiting." in printed
