import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder for nnU-Net's variables, with our trainers in its path."""
    from nnunet_llm4seg.nnunet.environment import trainers_folder

    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("nnUNet_extTrainer", str(trainers_folder()))
    return tmp_path
