"""`llm4seg train`: nnU-Net's own errors arrive as nnU-Net's."""

import importlib

import pytest

from nnunet_llm4seg import cli


def test_an_error_of_nnunet_arrives_with_its_own_frames_alone(monkeypatch, tmp_path, capsys):
    def run_training_entry():
        raise RuntimeError("Could not find a dataset by that ID")

    def check_train(words):
        pass

    training = importlib.import_module("nnunetv2.run.run_training")
    monkeypatch.setattr(training, "run_training_entry", run_training_entry)
    monkeypatch.setattr("nnunet_llm4seg.trainer.arguments.check_train", check_train)
    for name in ("nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("nnUNet_extTrainer", "")
    monkeypatch.setattr("sys.argv", ["llm4seg", "train", "1", "2d", "0"])
    with pytest.raises(SystemExit) as exit_code:
        cli.main()
    assert exit_code.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback") and printed.endswith("RuntimeError: Could not find a dataset by that ID\n")
    frames = [line for line in printed.splitlines() if line.startswith("  File")]
    assert len(frames) == 1 and frames[0].endswith("in run_training_entry")
