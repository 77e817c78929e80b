import os
import signal
import subprocess
import sys

import pytest

from nnunet_llm4seg.errors import LLM4SegError, WorkerError
from nnunet_llm4seg.evaluation import pool
from nnunet_llm4seg.evaluation.measuring import measure_cases

GB = 2**30


@pytest.mark.parametrize(
    ("voxels", "tasks", "free", "workers"),
    [(512 * 512, 100, 64 * GB, 8), (512 * 512, 3, 64 * GB, 3), (128 * 512 * 512, 100, 4 * GB, 3), (10**9, 100, GB, 1)],
)
def test_no_more_processes_than_cores_tasks_and_half_of_the_memory(monkeypatch, voxels, tasks, free, workers):
    monkeypatch.setattr(pool, "_cores", lambda: 8)
    assert pool.worker_count(voxels, tasks, free) == workers


def test_measuring_loads_no_torch():
    code = "import sys, nnunet_llm4seg.evaluation, skimage.measure; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_progress_is_told_case_by_case(folders):
    from nnunet_llm4seg.evaluation import evaluate

    told = []
    evaluate(*folders, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert measure_cases([], None, None) == []


def killed(item):
    """As the kernel does when memory runs out."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_killed_process_is_one_sentence_that_says_what_to_do():
    with pytest.raises(WorkerError, match=r"one of 2 processes was killed .* free memory, or let fewer") as caught:
        list(pool.in_processes(killed, range(8), (), workers=2))
    assert isinstance(caught.value, LLM4SegError)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_process_of_its_own_is_another_one():
    assert pool.in_own_process(os.getpid) != os.getpid()
    with pytest.raises(WorkerError, match="one of 1 processes"):
        pool.in_own_process(killed, 3)
