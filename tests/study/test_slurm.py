"""The engine of a cluster, on a real SLURM that the tests start; they are skipped if it cannot be started."""

import os

import own_slurm
import pytest

from nnunet_llm4seg.study.engines import SlurmEngine

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


def finish(bench):
    bench.wait(lambda: set(states(bench).values()) == {"done"}, 300)


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
    bench.wait(lambda: not slurm.ask("squeue", "-h").strip(), 300)
    bench.run("run", bench.file)
    finish(bench)
    bench.each_once()
    assert sum(bench.times("start").values()) >= 9


def test_an_engine_with_a_gpu_trains_on_it():
    assert SlurmEngine(gres="gpu:1").device == "cuda" and SlurmEngine().device == "cpu"
