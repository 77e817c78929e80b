import csv
import json

import numpy as np
import pytest
from dataset_trees import blob, make_busi, make_folder, noise, pixels, save

from nnunet_llm4seg.datasets import image_cases


@pytest.fixture
def busi(tmp_path):
    return make_busi(tmp_path / "download")


def test_kaggle_layout_becomes_grey_cases_with_merged_masks(busi, llm4seg, raw):
    code, out, _ = llm4seg("convert", "busi", busi, "-d", 7)
    folder = raw / "Dataset007_BUSI"
    assert code == 0 and str(folder) in out and "3 training cases" in out
    assert sorted(p.name for p in (folder / "imagesTr").iterdir()) == [
        "benign_1_0000.png",
        "benign_2_0000.png",
        "malignant_1_0000.png",
    ]
    np.testing.assert_array_equal(pixels(folder / "imagesTr/benign_1_0000.png"), noise(0))
    merged = blob(0) | np.roll(blob(0), 22, axis=1) | np.roll(blob(0), 25, axis=0)
    np.testing.assert_array_equal(pixels(folder / "labelsTr/benign_1.png"), merged.astype(np.uint8))
    description = json.loads((folder / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "zscore"}
    assert (description["numTraining"], description["file_ending"]) == (3, ".png")
    assert description["labels"] == {"background": 0, "lesion": 1}


def test_case_names_keep_the_published_ones(busi, llm4seg, raw):
    llm4seg("convert", "busi", busi, "-d", 7)
    with (raw / "Dataset007_BUSI" / "case_names.csv").open(newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert rows["benign_1"]["published_name"] == "benign (1)"
    assert rows["benign_1"]["class"] == "benign" and rows["benign_1"]["set"] == "training"
    assert rows["benign_1"]["image"] == "Dataset_BUSI_with_GT/benign/benign (1).png"
    assert rows["benign_1"]["masks"].count("_mask") == 3


def test_rgb_makes_three_channels_with_the_same_normalisation(busi, llm4seg, raw):
    llm4seg("convert", "busi", busi / "Dataset_BUSI_with_GT", "-d", 7, "--rgb")
    folder = raw / "Dataset007_BUSI"
    assert pixels(folder / "imagesTr/benign_1_0000.png").shape == (40, 48, 3)
    names = json.loads((folder / "dataset.json").read_text())["channel_names"]
    assert names == {"0": "rgb_to_0_1", "1": "rgb_to_0_1", "2": "rgb_to_0_1"}


def test_normals_come_on_request_with_empty_masks(busi, llm4seg, raw):
    _, out, _ = llm4seg("convert", "busi", busi, "-d", 7, "--normals")
    assert not pixels(raw / "Dataset007_BUSI/labelsTr/normal_1.png").any()
    assert image_cases.EMPTY not in out


def test_normals_of_the_official_layout_may_be_empty_and_lesions_are_noticed(tmp_path, llm4seg):
    source = make_folder(tmp_path / "busi", ["benign (1)", "benign (2)", "normal (1)"])
    for name in ("benign (2)", "normal (1)"):
        save(np.zeros((40, 48), dtype=bool), source / f"masks/0/{name}.png")
    _, out, _ = llm4seg("convert", "busi", source, "-d", 7, "--normals")
    assert f"{image_cases.EMPTY}: 1 (benign (2))" in out


def test_mask_of_another_size_is_refused_and_resized_on_request(busi, llm4seg, refused, raw):
    save(
        np.kron(blob(1), np.ones((2, 2), dtype=bool)),
        busi / "Dataset_BUSI_with_GT/benign/benign (2)_mask.png",
    )
    sentence = refused("convert", "busi", busi, "-d", 7)
    assert "benign (2)" in sentence and "48x40" in sentence and "96x80" in sentence and "--resize-masks" in sentence
    code, out, _ = llm4seg("convert", "busi", busi, "-d", 7, "--resize-masks")
    assert code == 0 and "1 (benign (2))" in out
    np.testing.assert_array_equal(pixels(raw / "Dataset007_BUSI/labelsTr/benign_2.png"), blob(1))


def test_image_without_mask_is_named(busi, refused):
    (busi / "Dataset_BUSI_with_GT/malignant/malignant (1)_mask.png").unlink()
    sentence = refused("convert", "busi", busi, "-d", 7)
    assert "1 of 1 images have no mask" in sentence and "malignant (1).png" in sentence


def test_mask_without_image_is_named(busi, refused):
    (busi / "Dataset_BUSI_with_GT/benign/benign (1).png").unlink()
    sentence = refused("convert", "busi", busi, "-d", 7)
    assert "3 masks have no image" in sentence and "benign (1)_mask_2.png" in sentence


def test_shared_busi_is_bit_identical_and_its_splits_are_holdouts(shared, llm4seg, raw):
    source = shared("data/busi")
    code, out, _ = llm4seg("convert", "busi", source, "-d", 8, "--splits", "official")
    folder = raw / "Dataset008_BUSI"
    assert code == 0 and "repeated hold-outs" in out and "425 distinct cases of 647" in out
    for name in ("benign (1)", "malignant (210)", "benign (437)"):
        safe = name.replace(" (", "_").strip(")")
        image, mask = pixels(source / f"images/{name}.png"), pixels(source / f"masks/0/{name}.png")
        np.testing.assert_array_equal(pixels(folder / f"imagesTr/{safe}_0000.png"), image)
        np.testing.assert_array_equal(pixels(folder / f"labelsTr/{safe}.png"), mask.astype(np.uint8))
    folds = json.loads((folder / "splits_final.json").read_text())
    assert [(len(fold["train"]), len(fold["val"])) for fold in folds] == [(452, 195)] * 3
    assert "malignant_84" in folds[0]["train"] and "benign_301" in folds[0]["val"]
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["repeated_holdouts"] and info["distinct_validation_cases"] == 425
    assert info["near_duplicates"]["pairs"] == 144 and info["near_duplicates"]["groups"] == 110
    assert info["near_duplicates"]["pairs_crossing_each_fold"] == [50, 55, 56]
    groups = json.loads((folder / "groups.json").read_text())
    assert len(groups["groups"]) == 110 and "dHash" in groups["rule"]
    assert groups["groups"] == sorted(sorted(group) for group in groups["groups"])


def test_five_folds_of_shared_busi_keep_near_duplicates_together(shared, llm4seg, raw):
    assert llm4seg("convert", "busi", shared("data/busi"), "-d", 8, "--splits", "5fold")[0] == 0
    folder = raw / "Dataset008_BUSI"
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["near_duplicates"]["pairs_crossing_each_fold"] == [0] * 5
    assert info["stratified_by"] == {"benign": 437, "malignant": 210} and info["seed"] == 12345
    folds = json.loads((folder / "splits_final.json").read_text())
    assert sorted(case for fold in folds for case in fold["val"]) == sorted(folds[0]["train"] + folds[0]["val"])
    assert all(41 <= sum(case.startswith("malignant") for case in fold["val"]) <= 43 for fold in folds)
