import numpy as np
import pytest
from dataset_trees import noise, save

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.folds import make_folds, make_groups
from nnunet_llm4seg.datasets.found import find
from nnunet_llm4seg.datasets.options import ConversionOptions, SplitOptions
from nnunet_llm4seg.datasets.registry import CONVERTERS, Converter


@pytest.fixture
def found(tmp_path, monkeypatch):
    """What is known about ten training cases c0 to c9 and a test case c10."""
    save(noise(0), tmp_path / "image.png")
    cases = [Case(name=f"c{n}", images=(tmp_path / "image.png",), test=n > 9) for n in range(11)]
    dataset = SourceDataset(name="X", list_folders=(), cases=cases, labels={"background": 0, "x": 1})
    monkeypatch.setitem(CONVERTERS, "x", Converter(lambda source: dataset, "any"))

    def with_options(**splits):
        return find("x", tmp_path, ConversionOptions(splits=SplitOptions(kind="5fold", **splits)))

    return with_options


def test_training_images_that_resemble_one_test_image_stay_in_one_fold(found):
    known = found()
    folds, _ = make_folds(known, make_groups(known, [("c0", "c10"), ("c1", "c10")]))
    assert [sorted({"c0", "c1"} & set(fold["val"])) for fold in folds if "c0" in fold["val"]] == [["c0", "c1"]]
    assert sorted(name for fold in folds for name in fold["val"]) == sorted(f"c{n}" for n in range(10))


def test_group_of_more_than_a_fifth_and_uneven_folds_are_said(found):
    chain = [(f"c{n}", f"c{n + 1}") for n in range(5)]
    known = found()
    _, info = make_folds(known, make_groups(known, chain))
    notes = " ".join(info["notes"])
    assert "One group holds 6 of 10 cases (c0, c1, c2 and 3 more)" in notes
    assert "The folds hold 6, 1, 1, 1, 1 validation cases, where a fifth is 2" in notes
    _, even = make_folds(known, make_groups(known, [("c0", "c1")]))
    assert even["notes"] == []


def test_near_duplicates_do_not_hold_folds_together_where_they_are_not_grouped(found):
    known = found(group_near_duplicates=False)
    folds, info = make_folds(known, make_groups(known, [(f"c{n}", f"c{n + 1}") for n in range(8)]))
    assert np.std([len(fold["val"]) for fold in folds]) == 0 and info["near_duplicates"]["groups"] == 1
