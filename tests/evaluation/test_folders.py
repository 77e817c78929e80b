import csv
import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from fake_results import write_json
from PIL import Image

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


def test_predictions_without_a_reference_are_refused(folders):
    (folders[1] / "b.png").unlink()
    with pytest.raises(ComparisonError, match=r"1 unexpected \(b\)"):
        evaluate(*folders)


def test_a_part_of_the_references_is_measured_and_said(folders):
    (folders[0] / "b.png").unlink()
    result = evaluate(*folders)
    assert result["cases"] == 1 and result["notices"] == ["1 of 2 references have no prediction: not measured"]


def test_validation_folder_of_a_fold_finds_the_models_dataset_json(folders, tmp_path):
    validation = tmp_path / "model/fold_0/validation"
    shutil.copytree(folders[0], validation)
    (validation / "dataset.json").rename(tmp_path / "model/dataset.json")
    assert evaluate(validation, folders[1])["mean"]["mass"]["dice"] == pytest.approx(0.9)


@pytest.mark.parametrize("change", ["spacing", "direction"])
def test_prediction_in_another_place_than_its_reference_is_refused(change, tmp_path):
    for folder in ("predictions", "references"):
        image = sitk.GetImageFromArray(np.ones((4, 5, 6), np.uint8))
        if folder == "predictions" and change == "spacing":
            image.SetSpacing((1, 1, 2))
        elif folder == "predictions":
            image.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, 1))
        (tmp_path / folder).mkdir()
        sitk.WriteImage(image, str(tmp_path / folder / "a.nii.gz"))
    write_json(tmp_path / "dataset.json", {"labels": {"background": 0, "mass": 1}, "file_ending": ".nii.gz"})
    with pytest.raises(DatasetError, match=rf"a.nii.gz: {change} .* but its reference"):
        evaluate(tmp_path / "predictions", tmp_path / "references")


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


def test_a_label_that_never_occurs_is_left_out_with_a_notice(folders):
    write_json(folders[0] / "dataset.json", {"labels": {"background": 0, "mass": 1, "cyst": 2}, "file_ending": ".png"})
    result = evaluate(*folders)
    assert result["mean"]["mean over labels"]["dice"] == pytest.approx(0.9) and "cyst" not in result["mean"]
    assert result["notices"] == ["no reference contains 'cyst': omitted"]


def test_references_without_any_label_are_refused(folders):
    for path in folders[1].iterdir():
        Image.fromarray(np.zeros((20, 20), np.uint8)).save(path)
    with pytest.raises(ComparisonError, match="no reference holds any of mass"):
        evaluate(*folders)
