import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk
from fake_results import FakeResults, write_json
from PIL import Image

from nnunet_llm4seg.errors import ComparisonError, DatasetError
from nnunet_llm4seg.evaluation import evaluate, segmentations
from nnunet_llm4seg.evaluation.segmentations import (
    Labels,
    default_tolerance,
    find_reader,
    measure_cases,
    read_segmentation,
)
from nnunet_llm4seg.nnunet.logs import read_training_log


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


def test_the_axis_that_2d_files_are_given_is_dropped(folders):
    path = folders[0] / "a.png"
    array, spacing = read_segmentation(find_reader({"file_ending": ".png"}, path), path)
    assert array.shape == (20, 20)
    assert spacing == (1.0, 1.0)
    assert default_tolerance(spacing) == 2.0


def test_flat_nifti_images_are_2d_with_their_own_spacing(tmp_path):
    image = sitk.GetImageFromArray(np.ones((6, 8), np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    reader = find_reader({"file_ending": ".nii.gz"}, tmp_path / "a.nii.gz")
    array, spacing = read_segmentation(reader, tmp_path / "a.nii.gz")
    assert array.shape == (6, 8)
    assert spacing == pytest.approx((0.25, 0.5))
    assert default_tolerance(spacing) == pytest.approx(0.75)  # two pixels


def test_a_volume_of_one_slice_is_measured_as_the_image_it_is(tmp_path):
    values = {}
    for shape in ((40, 40), (1, 40, 40)):
        paths = []
        for name, shift in (("p", 4), ("r", 0)):
            mask = np.zeros((40, 40), np.uint8)
            mask[10:25, 10 + shift : 25 + shift] = 1
            paths.append(tmp_path / f"{name}{len(shape)}.nii.gz")
            sitk.WriteImage(sitk.GetImageFromArray(mask.reshape(shape)), str(paths[-1]))
        dataset = {"labels": {"background": 0, "mass": 1}, "file_ending": ".nii.gz"}
        reader = find_reader(dataset, paths[0])
        values[shape] = measure_cases([tuple(paths)], reader, Labels.from_dataset_json(dataset)).values
    assert values[1, 40, 40] == pytest.approx(values[40, 40])


def test_a_label_that_never_occurs_is_refused(folders):
    write_json(folders[0] / "dataset.json", {"labels": {"background": 0, "mass": 1, "cyst": 2}, "file_ending": ".png"})
    with pytest.raises(ComparisonError, match=r"label 'cyst' occurs in no reference of .*references"):
        evaluate(*folders)


@pytest.mark.parametrize(
    "labels",
    [[], {"mass": "one"}, {"mass": None}, {"mass": [1, {}]}, {"background": 0}, {"background": 0, "ignore": 1}],
)
def test_labels_that_are_not_nnunets_are_named(labels):
    with pytest.raises(DatasetError, match=r"dataset\.json: labels "):
        Labels.from_dataset_json({"labels": labels})


def test_volumes_keep_their_axes_and_millimetres(tmp_path):
    fake = FakeResults(tmp_path, {}, cases=2, volume=True)
    path = next((fake.preprocessed / "Dataset901_Fake" / "gt_segmentations").iterdir())
    array, spacing = read_segmentation(find_reader(fake.info, path), path)
    assert array.shape == (4, 24, 24)
    assert spacing == (3.0, 0.5, 0.5)
    assert default_tolerance(spacing) == 2.0


def test_several_processes_measure_what_one_does(folders, monkeypatch):
    pairs = [(folders[0] / f"{name}.png", folders[1] / f"{name}.png") for name in ("a", "b")]
    dataset = {"labels": {"background": 0, "mass": 1}, "file_ending": ".png"}
    task = (pairs, find_reader(dataset, pairs[0][0]), Labels.from_dataset_json(dataset))
    alone = measure_cases(*task)
    monkeypatch.setattr(segmentations, "_WORTH_PROCESSES", 1)
    together = measure_cases(*task)
    assert together.values.tolist() == alone.values.tolist()
    assert together.empty.tolist() == alone.empty.tolist()


def test_ignored_voxels_count_for_nothing_and_regions_are_joined(tmp_path):
    reference, prediction = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    reference[2:4, 2:4], reference[4:6, 2:4], reference[:, 6:] = 1, 2, 3
    prediction[2:6, 2:4], prediction[:, 6:] = 1, 2
    for name, mask in (("r", reference), ("p", prediction)):
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    dataset = {"labels": {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}, "file_ending": ".png"}
    labels = Labels.from_dataset_json(dataset)
    assert labels == Labels({"whole": (1, 2), "core": (2,)}, 3)
    reader = find_reader(dataset, tmp_path / "r.png")
    measured = measure_cases([(tmp_path / "p.png", tmp_path / "r.png")], reader, labels)
    assert measured.mean_over_labels("dice") == pytest.approx([0.5])  # whole is perfect, core is missed
    assert measured.empty.tolist() == [["", "prediction"]]


def test_training_logs_are_read_by_epoch_and_continued_runs_replace_epochs(tmp_path):
    line = "2026-01-01 10:00:00.000000: {}\n".format
    first = [line("Epoch 0 "), line("train_loss 0.5 "), line("Pseudo dice [np.float32(0.5), nan] ")]
    first += [line("Epoch time: 44.51 s "), line("Epoch 1 "), line("train_loss -0.1 ")]
    (tmp_path / "training_log_2026_1_1_10_00_00.txt").write_text("".join(first))
    again = [
        line("Epoch 1"),
        line("train_loss -0.2"),
        line("Pseudo dice [0.6, 0.8]"),
        line("val_loss -1e-05"),
    ]
    (tmp_path / "training_log_2026_1_2_10_00_00.txt").write_text("".join(again))
    log = read_training_log(tmp_path)
    assert log.train_loss == {0: 0.5, 1: -0.2}
    assert log.pseudo_dice[1] == pytest.approx(0.7)
    assert log.val_loss == {1: -1e-05}
    assert log.seconds == {0: 44.51}
    assert log.peak_memory_mb is None
