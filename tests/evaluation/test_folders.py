import csv
import json

import pytest
from fake_results import write_json

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation import evaluate


def test_evaluates_two_folders(folders, tmp_path):
    result = evaluate(*folders, output=tmp_path / "out")
    assert result["cases"] == 2
    assert result["tolerance"] == "2 mm in 3D, 2 pixels in 2D"
    assert result["mean"]["mass"]["dice"] == pytest.approx(0.9)
    assert result["mean"]["mean over labels"] == result["mean"]["mass"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == result
    with (tmp_path / "out" / "per_case.csv").open() as file:
        assert [float(row["iou"]) for row in csv.DictReader(file)] == pytest.approx([90 / 110] * 2, abs=1e-5)


def test_folders_with_other_cases_are_refused(folders):
    (folders[0] / "b.png").unlink()
    with pytest.raises(ComparisonError, match=r"1 missing \(b\)"):
        evaluate(*folders)


def test_a_missing_folder_or_dataset_json_is_named(folders, tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        evaluate(tmp_path / "nothing", folders[1])
    (folders[0] / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        evaluate(*folders)


@pytest.mark.parametrize("content", [[], {}, {"file_ending": ".png"}, {"labels": {"mass": 1}, "file_ending": 3}])
def test_a_dataset_json_without_labels_or_ending_is_named(folders, content):
    write_json(folders[0] / "dataset.json", content)
    with pytest.raises(DatasetError, match=r"dataset\.json: it must hold `labels` and `file_ending`"):
        evaluate(*folders)


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(folders, tolerance):
    with pytest.raises(ComparisonError, match="--tolerance: "):
        evaluate(*folders, tolerance=tolerance)


def test_a_label_that_never_occurs_is_refused(folders):
    write_json(folders[0] / "dataset.json", {"labels": {"background": 0, "mass": 1, "cyst": 2}, "file_ending": ".png"})
    with pytest.raises(ComparisonError, match=r"label 'cyst' occurs in no reference of .*references"):
        evaluate(*folders)
