"""The engine of one machine: every training once, whatever dies in between."""

import json
import os
import signal

from fold_files import write_checkpoint

from nnunet_llm4seg.study.engines import LocalEngine
from nnunet_llm4seg.study.local import slots_of

ORDER = [
    f"run_{run}/{plans}/fold_{fold}"
    for run in (1, 2)
    for plans in ("nnUNetPlans", "nnUNetPlans_s_frozen")
    for fold in (0, 1)
]


def test_all_trainings_are_trained_once_in_their_order(bench):
    printed = bench.run("run", bench.file)
    assert list(bench.times("start")) == ORDER
    bench.each_once()
    assert "8 trainings in" in printed and "0 are done" in printed
    fold = bench.folder / "results/run_1/Dataset001_X/nnUNetTrainerLLM4Seg_5epochs__nnUNetPlans_s_frozen__2d/fold_1"
    seen = json.loads((fold / "seen.json").read_text())
    assert seen["WANDB_NAME"] == "Dataset001_X frozen fold 1 run 1"
    assert seen["argv"][:3] == ["Dataset001_X", "2d", "1"] and "cpu" in seen["argv"]
    assert seen["cwd"] == str(bench.root)  # relative names of models are looked up beside the file
    log = (bench.folder / "trainings/run_1/Dataset001_X/frozen/fold_1/attempt_001.log").read_text()
    assert log.startswith("$ nnUNetv2_train Dataset001_X 2d 1 ") and "llm4seg study: done after " in log

    assert "8 are done" in bench.run("run", bench.file)
    bench.each_once()


def test_a_failure_stops_nobody_else_and_ends_with_exit_code_1(small):
    small.control(fail=[{"match": "nnUNetPlans/fold_0", "message": "RuntimeError: out of #00 MB", "times": 99}])
    printed = small.run("run", small.file, rc=1)
    states = small.status()
    failed, done = states["run_1/Dataset001_X/vanilla/fold_0"], states["run_1/Dataset001_X/frozen/fold_0"]
    assert (failed["state"], failed["given_up"], done["state"]) == ("failed", True, "done")
    assert failed["fault"] == "RuntimeError: out of 200 MB"
    assert "failed 3 times alike, not tried again" in printed

    small.run("run", small.file, rc=1)  # the same fault three times is not tried again
    assert small.times("start")[ORDER[0]] == 3


def test_a_fault_that_goes_away_is_tried_again(small):
    small.control(fail=[{"match": "nnUNetPlans/fold_0", "message": "OSError: disk", "times": 1}])
    small.run("run", small.file)
    starts = [key for key, what in small.booked() if what.startswith("start")]
    assert starts == [ORDER[0], ORDER[2], ORDER[0]]  # the second attempt comes after all others
    small.each_once(2)


def test_a_training_without_validation_is_not_done(small):
    small.control(**{"no validation": True})
    small.run("run", small.file, rc=1)
    assert {training["state"] for training in small.status().values()} == {"failed"}
    small.control()
    assert "2 will be tried again" in small.run("retry", small.file)
    small.run("run", small.file)
    small.each_once(2)  # validated with --val: not trained again
    assert small.booked()[-2][1] == "start --val"


def test_what_was_begun_goes_on_from_its_checkpoint(small):
    fold = small.folder / "results/run_1/Dataset001_X/nnUNetTrainer_5epochs__nnUNetPlans__2d/fold_0"
    write_checkpoint(fold / "checkpoint_latest.pth", 3)
    (fold / "checkpoint_final.pth").write_bytes(b"PK torn")
    small.run("run", small.file)
    assert [what for key, what in small.booked() if key == ORDER[0]] == [
        *("start --c", "epoch 3", "epoch 4", "final", "validated")
    ]
    assert (fold / "checkpoint_final.pth.torn").is_file()


def test_a_launcher_killed_three_times_loses_nothing(bench):
    for moment in (0, 3, 6):
        bench.control()
        launcher = bench.start("run", bench.file)
        bench.wait(lambda moment=moment: len(bench.times("start")) > moment)
        bench.control(pause=3)
        os.killpg(launcher.pid, signal.SIGKILL)
        launcher.wait()
    bench.control()
    bench.run("run", bench.file)
    bench.each_once()


def test_a_killed_training_is_continued(small):
    small.control(pause=3)
    launcher = small.start("run", small.file)
    small.wait(lambda: small.times("epoch")[ORDER[0]] >= 2)
    small.kill_all()
    small.control()
    output, _ = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, output
    assert "killed by signal 9" in output
    small.each_once(2)
    assert "start --c" in [what for key, what in small.booked() if key == ORDER[0]]


def test_a_killed_process_takes_its_training_with_it_and_leaves_the_lock_free(small):
    small.control(pause=2)
    launcher = small.start("run", small.file)
    small.wait(lambda: small.times("epoch")[ORDER[0]] >= 1)
    holder = json.loads((small.folder / "trainings/run_1/Dataset001_X/vanilla/fold_0/holder.json").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    small.control()
    output, _ = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, output
    small.each_once(2)


def test_an_interrupted_launcher_stops_its_trainings(small):
    small.control(pause=2)
    launcher = small.start("run", small.file)
    small.wait(lambda: small.times("start"))
    launcher.send_signal(signal.SIGINT)
    output, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 130 and "Run the same command again" in output
    assert not small.pids()
    states = small.status()
    assert {training["state"] for training in states.values()} == {"waiting"}


def test_two_launchers_share_the_study(small):
    small.file.write_text(small.file.read_text().replace("slots: 1", "slots: 2"))
    small.control(pause=2)
    one = small.start("run", small.file, "--amend")
    small.wait(lambda: small.times("start"))
    two = small.start("run", small.file)
    output = ""
    while "elsewhere" not in output and "another launcher" not in output:
        output += two.stdout.readline()
    small.control()
    for launcher in (one, two):
        printed, _ = launcher.communicate(timeout=300)
        assert launcher.returncode == 0, printed
    assert "is trained elsewhere" in output or "is in use by another launcher" in output
    small.each_once(2)


def test_cores_are_shared_out_and_gpus_are_given_one_training_each():
    gpus = slots_of(LocalEngine(gpus=(0, 1, 2, 3), gpus_per_training=2, cores=2))
    assert [slot.variables()["CUDA_VISIBLE_DEVICES"] for slot in gpus] == ["0,1", "2,3"]
    assert not any(slot.pin for slot in gpus)
    count = len(os.sched_getaffinity(0))
    (alone,) = slots_of(LocalEngine())
    assert len(alone.cores) == count and not alone.pin
    if count > 1:
        two = slots_of(LocalEngine(slots=2, cores=2))
        assert [len(slot.cores) for slot in two] == [1, 1] and all(slot.pin for slot in two)
        assert not set(two[0].cores) & set(two[1].cores)
