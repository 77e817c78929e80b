"""The engine of a cluster, on a real SLURM that the tests start; they are skipped if it cannot be started."""

import json
import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import own_slurm
import pytest

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import attempts
from nnunet_llm4seg.study.engines import SlurmEngine
from nnunet_llm4seg.study.folder import open_study
from nnunet_llm4seg.study.slurm import Job
from nnunet_llm4seg.study.trainings import list_trainings

REASON = own_slurm.why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"no SLURM can be started here: {REASON}")
ENGINE = '{kind: slurm, cpus: 1, mem: 200M, parallel: 2, time: "00:10:00"}'


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    made = own_slurm.Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def on_slurm(ready, slurm):
    """Make a study that is trained by SLURM."""

    def on_slurm(**changed):
        bench = ready(engine=changed.pop("engine", ENGINE), **changed)
        bench.more = {"SLURM_CONF": str(slurm.configuration)}
        return bench

    return on_slurm


def states(bench):
    return {key: training["state"] for key, training in bench.status().items()}


def job_of(bench):
    """The job of the first training."""
    return (bench.folder / "trainings/run_1/Dataset001_X/vanilla/fold_0/job").read_text().strip()


def test_jobs_are_requeued_and_every_training_ends_once(on_slurm, slurm):
    bench = on_slurm()
    bench.control(pause=2)
    printed = bench.run("run", bench.file)
    assert "submitted 8 jobs" in printed
    assert set(states(bench).values()) <= {"queued", "running", "waiting"}
    assert "nothing is to be submitted" in bench.run("run", bench.file)
    bench.wait(lambda: len(bench.pids()) == 2)
    os.kill(max(bench.pids()), 9)  # a training dies, and its job fails
    slurm.ask("scontrol", "requeue", job_of(bench))
    bench.control()
    slurm.drain()
    bench.run("run", bench.file)
    slurm.drain()
    bench.each_once()
    assert sum(bench.times("start").values()) >= 9


def test_a_job_at_its_time_limit_is_requeued_and_goes_on(on_slurm, slurm):
    bench = on_slurm(engine=ENGINE.replace("00:10:00", "00:01:00"), runs="1", folds="[0]")
    bench.control(pause=2)
    bench.run("run", bench.file)
    log = bench.folder / "trainings/run_1/Dataset001_X/{}/fold_0/attempt_001.log"
    logs = [Path(str(log).format(arm)) for arm in ("vanilla", "frozen")]
    bench.wait(lambda: all(log.exists() and "llm4seg study: stopped" in log.read_text() for log in logs), 180)
    bench.control()
    slurm.drain()
    bench.each_once(2)
    for key in bench.times("start"):
        happened = [what for training, what in bench.booked() if training == key]
        assert happened[-6:] == ["start --c", "epoch 2", "epoch 3", "epoch 4", "final", "validated"]
        assert happened.count("epoch 1") == 1  # nothing before the checkpoint is trained twice


def test_a_job_whose_time_never_suffices_for_a_checkpoint_is_not_requeued_for_ever(bench, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # of the tests' own process
    training = list_trainings(open_study(bench.file))[0]
    training.folder.mkdir(parents=True)
    job = Job(bench.folder, training.key)
    for number in (1, 2):
        assert job.checkpoint() is not None
        log = training.folder / f"attempt_{number:03d}.log"
        log.write_text("x\n" + attempts.end_line("stopped", 60.0, "the process was asked to end"))
    with pytest.raises(
        StudyError, match=r"ended it 3 times in a row before nnU-Net wrote a checkpoint.*raise `time:`"
    ):
        job.checkpoint()


def test_what_is_cancelled_leaves_the_queue_and_trains_after_retry(on_slurm, slurm):
    bench = on_slurm(runs="1", engine=ENGINE.replace("cpus: 1", "cpus: 1, additional_parameters: {comment: passed}"))
    bench.control(pause=1)
    bench.run("run", bench.file)  # four jobs, of which two run at a time
    assert set(slurm.ask("squeue", "-h", "-o", "%k").split()) == {"passed"}
    bench.wait(lambda: len(bench.pids()) == 2)
    assert "4 are cancelled" in bench.run("cancel", bench.file)
    slurm.drain()
    assert not bench.pids() and set(states(bench).values()) == {"cancelled"}
    assert "nothing is to be submitted" in bench.run("run", bench.file, rc=1)
    bench.control()
    bench.run("retry", bench.file)
    assert "submitted 4 jobs" in bench.run("run", bench.file)
    slurm.drain()
    bench.each_once(4)


def test_a_partition_that_does_not_exist_is_refused_with_one_sentence(on_slurm):
    bench = on_slurm(engine=ENGINE.replace("cpus: 1", "cpus: 1, partition: nowhere"), runs="1", folds="[0]")
    printed = bench.run("run", bench.file, rc=2)
    assert "llm4seg: SLURM did not take the jobs (" in printed and "invalid partition" in printed
    assert "Traceback" not in printed
    assert set(states(bench).values()) == {"waiting"}


def test_a_launcher_killed_at_random_moments_submits_nothing_that_is_trained_twice(on_slurm, slurm):
    bench = on_slurm(runs="1", folds="[0]")
    for moment in [random.uniform(0, 3) for _ in range(3)]:
        launcher = bench.start("run", bench.file)
        with suppress(subprocess.TimeoutExpired):
            launcher.wait(moment)
        launcher.kill()
        launcher.communicate()
    bench.run("run", bench.file)
    slurm.drain()
    bench.each_once(2)


def test_what_is_missing_is_prepared_by_a_job_before_the_trainings(on_slurm, slurm):
    bench = on_slurm(runs="1", folds="[0]")
    bench.control(epochs=1)
    printed = bench.run("run", bench.file, "--epochs", "smoke")
    assert "which prepares the study; the trainings wait for it" in printed and "submitted 2 jobs" in printed
    slurm.drain()
    content = json.loads(bench.run("status", bench.root / "s_smoke", "--json"))
    assert content["count"]["done"] == 2 and sum(bench.times("start").values()) == 2


def test_an_engine_with_a_gpu_trains_on_it():
    assert SlurmEngine(gres="gpu:1").device == "cuda" and SlurmEngine().device == "cpu"
