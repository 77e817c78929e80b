import numpy as np
import pytest
import SimpleITK as sitk
from fake_results import FakeResults
from PIL import Image

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.evaluation import measuring
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.measuring import default_tolerance, measure_pairs
from nnunet_llm4seg.nnunet.segmentations import find_reader, read_segmentation


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
        values[shape] = measure_pairs([tuple(paths)], reader, Labels.from_dataset_json(dataset)).values
    assert values[1, 40, 40] == pytest.approx(values[40, 40])


@pytest.mark.parametrize(
    "labels",
    [
        *([], {"mass": "one"}, {"mass": None}, {"mass": []}, {"mass": [1, {}]}),
        *({"background": 0}, {"background": 0, "ignore": 1}, {"mass": 1, "ignore": []}),
    ],
)
def test_labels_that_are_not_nnunets_are_named(labels):
    with pytest.raises(DatasetError, match=r"dataset\.json: labels "):
        Labels.from_dataset_json({"labels": labels})


def test_several_processes_measure_what_one_does(folders, monkeypatch):
    pairs = [(folders[0] / f"{name}.png", folders[1] / f"{name}.png") for name in ("a", "b")]
    dataset = {"labels": {"background": 0, "mass": 1}, "file_ending": ".png"}
    task = (pairs, find_reader(dataset, pairs[0][0]), Labels.from_dataset_json(dataset))
    alone = measure_pairs(*task)
    monkeypatch.setattr(measuring, "_WORTH_PROCESSES", 1)
    together = measure_pairs(*task)
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
    measured = measure_pairs([(tmp_path / "p.png", tmp_path / "r.png")], reader, labels)
    assert measured.mean_over_labels("dice") == pytest.approx([0.5])  # whole is perfect, core is missed
    assert measured.empty.tolist() == [["", "prediction"]]


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


def test_volumes_keep_their_axes_and_millimetres(tmp_path):
    fake = FakeResults(tmp_path, {}, cases=2, volume=True)
    path = next((fake.preprocessed / "Dataset901_Fake" / "gt_segmentations").iterdir())
    array, spacing = read_segmentation(find_reader(fake.info, path), path)
    assert array.shape == (4, 24, 24)
    assert spacing == (3.0, 0.5, 0.5)
    assert default_tolerance(spacing) == 2.0
