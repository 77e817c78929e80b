import numpy as np
import pytest
from fake_results import LLM4SEG, RANDOM, VANILLA, make, write_json
from PIL import Image

from nnunet_llm4seg.evaluation import compare


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two runs of a vanilla and of an LLM4Seg arm, made up, with nnU-Net's variables and the folder set to them."""
    monkeypatch.chdir(tmp_path)
    return make(tmp_path, monkeypatch, roots=2)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Three runs of a baseline and two candidates, with a pair of near-duplicates that crosses the split."""
    root = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        fake = make(root, patch, {VANILLA: 3.0, LLM4SEG: 0.5, RANDOM: 3.0}, cases=9, folds=3, roots=3)
        groups = {"rule": "same hash", "groups": [[fake.names[0], fake.names[1]]]}
        write_json(fake.raw / "Dataset901_Fake" / "groups.json", groups)
        for arm, cases in ((VANILLA, "abc"), (LLM4SEG, "bcd")):
            fake.write_analysis(arm, fold=1, cases=cases)
        summary = compare(
            "Dataset901_Fake",
            "2d",
            candidates=[LLM4SEG, RANDOM],
            runs=fake.roots[1:],
            output=root / "out",
            command="x",
        )
    return root / "out", summary


@pytest.fixture
def folders(tmp_path):
    """Two predictions and references, with a dataset.json beside the predictions."""
    predictions, references = tmp_path / "predictions", tmp_path / "references"
    for folder, shift in ((predictions, 1), (references, 0)):
        folder.mkdir()
        for name in ("a", "b"):
            mask = np.zeros((20, 20), np.uint8)
            mask[5:15, 5 + shift : 15 + shift] = 1
            Image.fromarray(mask).save(folder / f"{name}.png")
    write_json(predictions / "dataset.json", {"labels": {"background": 0, "mass": 1}, "file_ending": ".png"})
    return predictions, references
