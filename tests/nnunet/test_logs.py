import pytest

from nnunet_llm4seg.nnunet.logs import read_training_log


def test_training_logs_are_read_by_epoch_and_continued_runs_replace_epochs(tmp_path):
    line = "2026-01-01 10:00:00.000000: {}\n".format
    first = [line("Epoch 0 "), line("train_loss 0.5 "), line("Pseudo dice [np.float32(0.5), nan] ")]
    first += [line("Epoch time: 44.51 s "), line("Epoch 1 "), line("train_loss -0.1 ")]
    (tmp_path / "training_log_2026_1_1_10_00_00.txt").write_text("".join(first))
    again = [
        line("Epoch 1"),
        line("train_loss -0.2"),
        line("Pseudo dice [0.6, 0.8]"),
        line("val_loss -1e-05"),
    ]
    (tmp_path / "training_log_2026_1_2_10_00_00.txt").write_text("".join(again))
    log = read_training_log(tmp_path)
    assert log.train_loss == {0: 0.5, 1: -0.2}
    assert log.pseudo_dice[1] == pytest.approx(0.7)
    assert log.val_loss == {1: -1e-05}
    assert log.seconds == {0: 44.51}
    assert log.peak_memory_mb is None
