import csv
import json

import numpy as np
import pytest
from dataset_trees import (
    YEARS,
    blob,
    make_btcv,
    make_isic,
    make_kvasir,
    make_tnscui,
    noise,
    pixels,
    save,
    save_volume,
)
from PIL import Image


def cases(folder):
    return sorted(path.name.removesuffix("_0000.png") for path in folder.iterdir())


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
        path.rename(path.with_name(f"{(int(path.stem) - 1) // 2}_{path.name}"))  # two images a patient
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


# --- ISIC


@pytest.mark.parametrize("year", YEARS)
def test_isic_reads_each_years_folders(year, tmp_path, llm4seg, raw):
    source = make_isic(tmp_path / "isic", year)
    code, _, _ = llm4seg("convert", "isic", source, "-d", 4, *([] if year == 2016 else ["--splits", "official"]))
    folder = raw / f"Dataset004_ISIC{year}"
    training = ["ISIC_0000000", "ISIC_0000001"]
    validation = [] if year == 2016 else ["ISIC_0000010", "ISIC_0000011"]
    tests = ["ISIC_0000010", "ISIC_0000011"] if year == 2016 else ["ISIC_0000020", "ISIC_0000021"]
    assert code == 0
    assert cases(folder / "imagesTr") == training + validation
    assert cases(folder / "imagesTs") == tests and len(list((folder / "labelsTs").iterdir())) == 2
    with Image.open(next(source.glob("*Training_[DI]*/ISIC_0000000.jpg"))) as jpeg:
        np.testing.assert_array_equal(pixels(folder / "imagesTr/ISIC_0000000_0000.png"), np.array(jpeg))
    if validation:
        folds = json.loads((folder / "splits_final.json").read_text())
        assert folds == [{"train": training, "val": validation}]


def test_isic_mask_suffix_may_have_any_case(tmp_path, llm4seg, raw):
    source = make_isic(tmp_path / "isic", 2016)
    for mask in source.glob("*Training_GroundTruth/*.png"):
        mask.rename(mask.with_name(mask.name.replace("_Segmentation", "_SEGMENTATION")))
    assert llm4seg("convert", "isic", source, "-d", 4)[0] == 0


def test_isic_test_set_without_masks_has_images_only(tmp_path, llm4seg, raw):
    source = make_isic(tmp_path / "isic", 2016)
    for mask in (source / "ISBI2016_ISIC_Part1_Test_GroundTruth").iterdir():
        mask.unlink()
    (source / "ISBI2016_ISIC_Part1_Test_GroundTruth").rmdir()
    assert "2 test cases (2 without labels)" in llm4seg("convert", "isic", source, "-d", 4)[1]


def test_isic_validation_set_without_masks_is_refused(tmp_path, refused):
    source = make_isic(tmp_path / "isic", 2018)
    (source / "ISIC2018_Task1_Validation_GroundTruth").rename(tmp_path / "elsewhere")
    assert "ISIC2018_Task1_Validation_GroundTruth is missing" in refused("convert", "isic", source, "-d", 4)


def test_isic_of_two_years_is_refused(tmp_path, refused):
    make_isic(tmp_path / "isic", 2016)
    assert "ISIC 2016 and 2018" in refused("convert", "isic", make_isic(tmp_path / "isic", 2018), "-d", 4)


def test_shared_isic_is_bit_identical_rgb(shared, llm4seg, raw):
    source = shared("data/isic2017")
    code, out, _ = llm4seg("convert", "isic", source, "-d", 4)
    assert code == 0 and "300 training cases" in out
    for number in (0, 3):
        name = f"ISIC_{number:07d}"
        image = pixels(source / f"ISIC-2017_Training_Data/{name}.jpg")
        mask = pixels(source / f"ISIC-2017_Training_Part1_GroundTruth/{name}_segmentation.png")
        folder = raw / "Dataset004_ISIC2017"
        np.testing.assert_array_equal(pixels(folder / f"imagesTr/{name}_0000.png"), image)
        np.testing.assert_array_equal(pixels(folder / f"labelsTr/{name}.png"), mask // 255)


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


# --- BTCV


def test_btcv_raw_data_is_copied_as_it_is(tmp_path, llm4seg, raw):
    source = make_btcv(tmp_path / "btcv")
    code, out, _ = llm4seg("convert", "btcv", source, "-d", 6)
    folder = raw / "Dataset006_BTCV"
    assert code == 0 and "4 training cases, 1 test cases" in out
    description = json.loads((folder / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "CT"} and description["file_ending"] == ".nii.gz"
    assert len(description["labels"]) == 14 and description["labels"]["left adrenal gland"] == 13
    copied, original = folder / "imagesTr/img0035_0000.nii.gz", source / "RawData/Training/img/img0035.nii.gz"
    assert copied.read_bytes() == original.read_bytes()
    assert (folder / "labelsTr/img0035.nii.gz").is_file() and (folder / "imagesTs/img0061_0000.nii.gz").is_file()


def test_btcv_json_gives_the_published_fold(tmp_path, llm4seg, raw):
    source = make_btcv(tmp_path / "btcv", "imagesTr", "labelsTr", "imagesTs")
    entry = "imagesTr/img{:04d}.nii.gz".format
    content = {"numTraining": 99, "training": [{"image": entry(n)} for n in (1, 2)]}
    content["validation"] = [{"image": entry(n), "label": "labelsTr/x"} for n in (35, 36)]
    (source / "dataset_0.json").write_text(json.dumps(content))
    assert llm4seg("convert", "btcv", source, "-d", 6, "--splits", "official")[0] == 0
    folder = raw / "Dataset006_BTCV"
    folds = json.loads((folder / "splits_final.json").read_text())
    assert folds == [{"train": ["img0001", "img0002"], "val": ["img0035", "img0036"]}]
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 4


def test_btcv_label_of_another_grid_or_value_is_named(tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    label = source / "RawData/Training/label/label0002.nii.gz"
    save_volume(np.zeros((8, 8, 5), dtype=np.uint8), label)
    assert "label0002.nii.gz (8, 8, 5)" in refused("convert", "btcv", source, "-d", 6)
    save_volume(np.full((8, 8, 4), 14, dtype=np.uint8), label)
    assert "label0002.nii.gz holds the values 14; allowed are 0 to 13" in refused("convert", "btcv", source, "-d", 6)
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), label, (1.0, 1.0, 1.0))
    assert "1 x 1 x 1 mm" in refused("convert", "btcv", source, "-d", 6)


@pytest.mark.parametrize("name", ["Training/img/img0001", "Training/label/label0001", "Testing/img/img0061"])
def test_btcv_volume_that_is_cut_off_is_named(name, tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    path = source / f"RawData/{name}.nii.gz"
    save_volume(noise(1, (64, 64, 16)), path)
    path.write_bytes(path.read_bytes()[:-2000])  # the header is still whole
    assert f"{path} cannot be read as NIfTI" in refused("convert", "btcv", source, "-d", 6)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ({"spacing": (-0.8, 0.8, 3.0)}, "LAS with its origin at (0, 0, 0) mm"),
        ({"origin": (0.0, 0.0, 3.0)}, "RAS with its origin at (0, 0, 3) mm"),
    ],
)
def test_btcv_label_that_lies_elsewhere_in_space_is_named(place, named, tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), source / "RawData/Training/label/label0002.nii.gz", **place)
    sentence = refused("convert", "btcv", source, "-d", 6)
    assert f"label0002.nii.gz as {named}; both must have one grid" in sentence


def test_btcv_labels_with_a_rounded_affine_are_taken(tmp_path, llm4seg):
    source = make_btcv(tmp_path / "btcv")
    label = source / "RawData/Training/label/label0002.nii.gz"
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), label, origin=(0.0, 0.004, 0.0))
    assert llm4seg("convert", "btcv", source, "-d", 6)[0] == 0


def test_btcv_takes_no_options_for_images(tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    assert "--size does not apply to btcv" in refused("convert", "btcv", source, "-d", 6, "--size", 256)
    assert "--rgb" in refused("convert", "btcv", source, "-d", 6, "--grey")


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
