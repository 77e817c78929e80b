import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from running_processes import naming

from nnunet_llm4seg.demo.steps import Step, run_steps
from nnunet_llm4seg.errors import DemoError

FAKE = Path(__file__).with_name("fake_steps.py")


@pytest.mark.parametrize("place", [1, 2, 3])
def test_interrupted_anywhere_it_leaves_no_process_and_goes_on_where_it_was(tmp_path, place):
    process = subprocess.Popen([sys.executable, FAKE, tmp_path], stdout=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 600
    while not (tmp_path / f"product{place}").is_dir():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(600) == 130
    process.stdout.close()
    assert not naming(str(tmp_path))
    assert not (tmp_path / ".done" / f"step{place}").exists()
    again = subprocess.run([sys.executable, FAKE, tmp_path], capture_output=True, text=True, timeout=600)
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("done already") == place - 1
    assert all((tmp_path / f"product{number}" / "whole").is_file() for number in (1, 2, 3))
    assert not naming(str(tmp_path))  # workers of finished steps are stopped, too


def test_failed_step_names_its_last_line_and_its_log_and_is_not_done(tmp_path):
    words = ("python", "-c", "print('reading'); raise SystemExit('disk on fire')")
    step = Step(name="burn", title="Burn", product=tmp_path / "product", command=words)
    with pytest.raises(DemoError, match=r"'burn' failed \(exit code 1\) with 'disk on fire'.*burn\.log"):
        run_steps([step], tmp_path, os.environ, Console(quiet=True))
    assert "reading" in (tmp_path / "logs" / "burn.log").read_text()
    assert not (tmp_path / ".done" / "burn").exists()


def test_removed_product_is_made_again_and_everything_after_it(tmp_path):
    made = []
    steps = [
        Step(
            name=name,
            title=name,
            product=tmp_path / name,
            action=lambda name=name: (made.append(name), (tmp_path / name).touch()),
        )
        for name in ("first", "second")
    ]
    for _ in range(2):
        run_steps(steps, tmp_path, os.environ, Console(quiet=True))
    assert made == ["first", "second"]
    (tmp_path / "first").unlink()
    run_steps(steps, tmp_path, os.environ, Console(quiet=True))
    assert made == ["first", "second", "first", "second"]


def test_training_continues_only_where_there_is_a_checkpoint(tmp_path):
    step = Step(name="t", title="t", product=tmp_path / "x", command=("train",), checkpoints=tmp_path / "fold_0")
    assert step.command_now() == ("train",)
    (tmp_path / "fold_0").mkdir()
    (tmp_path / "fold_0" / ".checkpoint_latest.pth.1.part").touch()
    assert step.command_now() == ("train",)
    (tmp_path / "fold_0" / "checkpoint_best.pth").touch()
    assert step.command_now() == ("train", "--c")
