import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder for nnU-Net's variables."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture(autouse=True)
def _no_forks(monkeypatch):
    """nnU-Net's planner forks to list files; forked from a test run with threads, such a child can wait for ever."""
    monkeypatch.setattr("nnunetv2.utilities.utils.Pool", ThreadPool)
