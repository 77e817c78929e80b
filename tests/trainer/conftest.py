"""nnU-Net's folders for trainers that are made in this process, without data."""

from pathlib import Path

import pytest


@pytest.fixture
def folders(tmp_path, monkeypatch) -> Path:
    """nnU-Net's three folders, with the preprocessed data set of `hand_made_plans`: one empty case of 2D."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    data = tmp_path / "nnUNet_preprocessed" / "Dataset001_X" / "P_2d"
    data.mkdir(parents=True)
    (data / "case.b2nd").touch()
    return tmp_path
