import os
import sys
from pathlib import Path

import pytest
from dataset_trees import make_folder

from nnunet_llm4seg.cli import main

SHARED = Path(os.environ.get("LLM4SEG_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """An empty nnUNet_raw; nnU-Net's other folders are not set."""
    for variable in ("nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    return tmp_path / "raw"


@pytest.fixture
def llm4seg(raw, monkeypatch, capsys):
    """Run the command line; returns its exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["llm4seg", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_code:
            main()
        out, err = capsys.readouterr()
        return exit_code.value.code, out, err

    return run


@pytest.fixture
def refused(llm4seg, raw):
    """Run the command line; it must refuse with one sentence, which is returned, and write no data set."""

    def run(*arguments):
        before = sorted(raw.glob("Dataset*"))
        code, out, err = llm4seg(*arguments)
        sentence = err.strip().splitlines()[-1]
        assert (code, out) == (2, "") and sentence.startswith("llm4seg: ") and "Traceback" not in err
        assert sorted(raw.glob("Dataset*")) == before and not list(raw.glob(".*.part"))
        return sentence.removeprefix("llm4seg: ")

    return run


@pytest.fixture
def source(tmp_path):
    """A folder of 12 images with masks, two of each patient p0 to p5."""
    return make_folder(tmp_path / "data", [f"p{n // 2}_{n}" for n in range(12)])


@pytest.fixture
def shared():
    """A folder of the shared data, or a skip that says what is missing."""

    def find(path):
        if not (SHARED / path).exists():
            pytest.skip(f"{SHARED / path} is missing; set LLM4SEG_SHARED to the folder that holds {path}")
        return SHARED / path

    return find
