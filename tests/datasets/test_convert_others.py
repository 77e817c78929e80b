import csv
import json

import numpy as np
import pytest
from dataset_trees import (
    blob,
    cases,
    make_kvasir,
    make_tnscui,
    noise,
    pixels,
    save,
)

# --- TN-SCUI


@pytest.fixture
def tnscui(tmp_path):
    return make_tnscui(tmp_path / "download")


def test_tnscui_takes_upper_case_files_classes_and_the_test_set(tnscui, llm4seg, raw):
    code, out, _ = llm4seg("convert", "tnscui", tnscui, "-d", 3, "--splits", "5fold")
    folder = raw / "Dataset003_TNSCUI"
    assert code == 0 and "12 training cases, 1 test cases (1 without labels)" in out
    assert cases(folder / "imagesTs") == ["test_1"] and not (folder / "labelsTs").exists()
    assert (folder / "imagesTr/1_0000.png").is_file()
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["stratified_by"] == {"class 0": 6, "class 1": 6}


def test_tnscui_patients_are_told_by_the_training_names_alone(tnscui, llm4seg, raw):
    for path in sorted((tnscui / "TNSCUI2020_train").glob("*/*.PNG")):
        path.rename(path.with_name(f"{(int(path.stem) - 1) // 2}_{path.name}"))  # two images per patient
    save(noise(51), tnscui / "TNSCUI2020_test/image/2.PNG")
    (tnscui / "TNSCUI2020_train/train.csv").unlink()
    assert llm4seg("convert", "tnscui", tnscui, "-d", 3, "--splits", "5fold", "--group-by", r"^(\d+)_")[0] == 0
    groups = json.loads((raw / "Dataset003_TNSCUI/groups.json").read_text())["groups"]
    assert groups == sorted(sorted([f"{n}_{2 * n + 1}", f"{n}_{2 * n + 2}"]) for n in range(6))


def test_tnscui_case_that_the_csv_lacks_is_named(tnscui, refused):
    (tnscui / "TNSCUI2020_train/train.csv").write_text("ID,CATE\n1.PNG,0\n")
    assert "train.csv has no class for 10, 11, 12 and 8 more" in refused("convert", "tnscui", tnscui, "-d", 3)
    (tnscui / "TNSCUI2020_train/train.csv").write_text("ID,CATE\n1.PNG\n")  # a row that ends early
    assert "train.csv has no class for 1, 10, 11 and 9 more" in refused("convert", "tnscui", tnscui, "-d", 3)


def test_tables_and_lists_that_are_no_text_are_named(tnscui, refused):
    (tnscui / "train.txt").write_bytes("Fälle".encode("latin-1"))
    (tnscui / "val.txt").write_text("1.PNG")
    assert "train.txt is no text" in refused("convert", "tnscui", tnscui, "-d", 3, "--splits", "official")
    (tnscui / "TNSCUI2020_train/train.csv").write_bytes(b"\xff\xfeI\x00D\x00")
    assert "train.csv is no table" in refused("convert", "tnscui", tnscui, "-d", 3)


# --- Kvasir-SEG


@pytest.fixture
def kvasir(tmp_path):
    return make_kvasir(tmp_path)


@pytest.mark.parametrize("beside", [False, True], ids=["inside", "beside"])
def test_kvasir_jpeg_masks_become_binary_and_lists_one_fold(beside, kvasir, llm4seg, raw):
    for name in ("train.txt", "val.txt") if beside else ():
        (kvasir / "Kvasir-SEG" / name).rename(kvasir / name)
    assert llm4seg("convert", "kvasir", kvasir, "-d", 5, "--splits", "official")[0] == 0
    folder = raw / "Dataset005_KvasirSEG"
    for number in range(6):
        np.testing.assert_array_equal(pixels(folder / f"labelsTr/cju{number}.png"), blob(number))
    folds = json.loads((folder / "splits_final.json").read_text())
    assert folds == [{"train": ["cju0", "cju1", "cju2", "cju3"], "val": ["cju4", "cju5"]}]
    assert not json.loads((folder / "splits_info.json").read_text())["repeated_holdouts"]


# --- any folder


@pytest.mark.parametrize("masks", ["masks/0", "masks"])
@pytest.mark.parametrize("suffix", ["", "_mask"])
def test_folder_reads_both_layouts_and_takes_its_name(masks, suffix, tmp_path, llm4seg, raw):
    source = tmp_path / "my data (2)"
    save(noise(1), source / "images/a 1.bmp")
    save(blob(1), source / masks / f"a 1{suffix}.tif")
    assert llm4seg("convert", "folder", source, "-d", 9)[0] == 0
    folder = raw / "Dataset009_my_data_2"
    np.testing.assert_array_equal(pixels(folder / "imagesTr/a_1_0000.png"), noise(1))
    np.testing.assert_array_equal(pixels(folder / "labelsTr/a_1.png"), blob(1))
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "zscore"}


def test_folder_is_rgb_if_one_image_is(tmp_path, llm4seg, raw):
    for name, shape in (("a", (40, 48)), ("b", (40, 48, 3))):
        save(noise(1, shape), tmp_path / f"data/images/{name}.png")
        save(blob(1), tmp_path / f"data/masks/{name}.png")
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 9)[0] == 0
    assert pixels(raw / "Dataset009_data/imagesTr/a_0000.png").shape == (40, 48, 3)
    with (raw / "Dataset009_data/case_names.csv").open(newline="") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["a", "b"]


def test_shared_busi_as_a_folder_is_stratified_by_the_names(shared, llm4seg, raw):
    assert llm4seg("convert", "folder", shared("data/busi"), "-d", 9, "--splits", "5fold")[0] == 0
    info = json.loads((raw / "Dataset009_busi/splits_info.json").read_text())
    assert info["stratified_by"] == {"benign": 437, "malignant": 210}
