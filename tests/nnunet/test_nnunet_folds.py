"""Done is what nnU-Net's files say: whole checkpoints and complete validations."""

import pytest
from fold_files import write_checkpoint, write_log, write_validation

from nnunet_llm4seg.nnunet import folds, names
from nnunet_llm4seg.nnunet.logs import read_training_log


def test_a_fold_is_done_with_a_whole_checkpoint_and_all_its_cases(tmp_path):
    assert not folds.is_done(tmp_path, ["a", "b"], ".png")
    write_validation(tmp_path, ["a", "b"])
    assert not folds.is_done(tmp_path, ["a", "b"], ".png")
    write_checkpoint(tmp_path / names.FINAL_CHECKPOINT)
    assert folds.is_done(tmp_path, ["a", "b"], ".png")
    assert not folds.is_done(tmp_path, ["a", "b", "c"], ".png")
    assert not folds.is_done(tmp_path, [], ".png")


def test_a_half_written_validation_is_not_done(tmp_path):
    write_checkpoint(tmp_path / names.FINAL_CHECKPOINT)
    write_validation(tmp_path, ["a"])
    path = tmp_path / "validation" / "summary.json"
    path.write_text(path.read_text()[:-5])
    assert folds.validated_cases(tmp_path, ".png") == set()
    assert not folds.is_done(tmp_path, ["a"], ".png")


@pytest.mark.parametrize("left", [0, 10, -1])
def test_a_torn_checkpoint_is_not_whole(tmp_path, left):
    path = tmp_path / names.FINAL_CHECKPOINT
    write_checkpoint(path)
    assert folds.checkpoint_is_whole(path)
    path.write_bytes(path.read_bytes()[:left])
    assert not folds.checkpoint_is_whole(path)


def test_torchs_checkpoints_are_whole(tmp_path):
    import torch

    torch.save({"network_weights": {"w": torch.zeros(3)}, "current_epoch": 1}, tmp_path / names.BEST_CHECKPOINT)
    assert folds.checkpoint_is_whole(tmp_path / names.BEST_CHECKPOINT)


def test_a_fold_goes_on_from_what_is_whole(tmp_path):
    assert folds.resume_options(tmp_path) == []
    write_checkpoint(tmp_path / names.LATEST_CHECKPOINT)
    assert folds.resume_options(tmp_path) == ["--c"]
    (tmp_path / names.FINAL_CHECKPOINT).write_bytes(b"PK torn")
    assert [path.name for path in folds.set_torn_aside(tmp_path)] == ["checkpoint_final.pth.torn"]
    assert folds.resume_options(tmp_path) == ["--c"]
    write_checkpoint(tmp_path / names.FINAL_CHECKPOINT)
    assert folds.resume_options(tmp_path) == ["--val"]


def test_the_log_tells_the_epoch_and_its_rate(tmp_path):
    log = read_training_log(tmp_path)
    assert log.epochs == 0 and log.recent_seconds() is None
    write_log(tmp_path, 7, seconds=3.0)
    log = read_training_log(tmp_path)
    assert log.epochs == 7 and log.recent_seconds() == 3.0
