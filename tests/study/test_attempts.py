"""What the logs of a training's attempts say."""

import os

import pytest

from nnunet_llm4seg.study import attempts
from nnunet_llm4seg.study.file import parse_study
from nnunet_llm4seg.study.trainings import StudyData, list_trainings

TEXT = "study: s\ndatasets: [1]\nconfiguration: 2d\nepochs: 5\narms: {vanilla: vanilla, frozen: {layer: 1}}\n"
DATA = StudyData("Dataset001_X", "2d", (("a",), ("b",)), ".png")


@pytest.fixture
def training(tmp_path):
    made = list_trainings(parse_study(TEXT, tmp_path, "s.yaml"), [DATA])[0]
    for folder in (made.folder, made.fold_folder):
        folder.mkdir(parents=True)
    return made


def ended(training, number, at, outcome="stopped"):
    log = training.folder / f"attempt_{number:03d}.log"
    log.write_text("x\n" + attempts.end_line(outcome, 60.0, "the process was asked to end"))
    os.utime(log, (at, at))


def checkpoint(training, at):
    path = training.fold_folder / "checkpoint_best.pth"
    path.write_bytes(b"x")
    os.utime(path, (at, at))


def test_without_any_checkpoint_all_stopped_attempts_and_the_running_one_were_fruitless(training):
    assert attempts.without_progress(training) == 1
    ended(training, 1, at=100)
    ended(training, 2, at=200)
    assert attempts.without_progress(training) == 3


def test_attempts_are_counted_from_the_last_checkpoint_on(training):
    ended(training, 1, at=100)
    ended(training, 2, at=200)
    checkpoint(training, at=150)  # by the second attempt
    assert attempts.without_progress(training) == 1
    ended(training, 3, at=300)
    assert attempts.without_progress(training) == 2
    checkpoint(training, at=350)  # by the one that runs
    assert attempts.without_progress(training) == 0


def test_a_fault_is_no_attempt_that_was_stopped(training):
    ended(training, 1, at=100, outcome="failed")
    assert attempts.without_progress(training) == 1
