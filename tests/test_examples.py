"""The examples in the docstrings run and give what they say."""

import doctest
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import save_model

import nnunet_llm4seg
from nnunet_llm4seg import LLM4SegConfig

ROOT = Path(__file__).resolve().parents[1]


def _modules_with_examples() -> list[str]:
    files = [*(ROOT / "nnunet_llm4seg").rglob("*.py"), *(ROOT / "plans").glob("*.py")]
    found = [path.relative_to(ROOT).with_suffix("") for path in files if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in found]
    return sorted(name if name.startswith("nnunet_llm4seg") else f"nnunet_llm4seg.{name}" for name in names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A current folder with the model and the segmentations that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    save_model(folder / "path" / "to" / "model", num_hidden_layers=16)
    for name in ("predictions", "labels"):
        (folder / "path" / "to" / name).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(folder / "path" / "to" / name / "case.png")
    dataset = {"labels": {"background": 0, "lesion": 1}, "file_ending": ".png"}
    (folder / "path" / "to" / "predictions" / "dataset.json").write_text(json.dumps(dataset))
    return folder


@pytest.mark.parametrize("name", _modules_with_examples())
def test_the_examples_of_a_module(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("nnUNet_extTrainer", "")
    given = {"torch": torch, "np": np, "nnunet_llm4seg": nnunet_llm4seg, "LLM4SegConfig": LLM4SegConfig}
    result = doctest.testmod(importlib.import_module(name), extraglobs=given, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0 and result.failed == 0
