import csv
import json

import numpy as np
import pytest
from dataset_trees import YEARS, blob, cases, make_isic, noise, pixels, save
from PIL import Image


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


CLASS_TABLES = {
    2016: {"ISBI2016_ISIC_Part3_Training_GroundTruth.csv": "ISIC_0000000,benign\nISIC_0000001,malignant\n"},
    2017: {
        "ISIC-2017_Training_Part3_GroundTruth.csv": (
            "image_id,melanoma,seborrheic_keratosis\nISIC_0000000,0.0,1.0\nISIC_0000001,1.0,0.0\n"
        ),
        "ISIC-2017_Validation_Part3_GroundTruth.csv": (
            "image_id,melanoma,seborrheic_keratosis\nISIC_0000010,0.0,0.0\nISIC_0000011,1.0,0.0\n"
        ),
    },
}
CLASSES = {
    2016: ["benign", "malignant", "", ""],
    2017: ["seborrheic_keratosis", "melanoma", "nevus", "melanoma", "", ""],
}


@pytest.mark.parametrize("year", CLASS_TABLES)
def test_isic_classes_come_from_the_challenges_tables(year, tmp_path, llm4seg, raw):
    source = make_isic(tmp_path / "isic", year)
    _, out, _ = llm4seg("convert", "isic", source, "-d", 4)
    assert all(f"{name} is not there: 5fold cannot stratify" in out for name in CLASS_TABLES[year])
    for name, text in CLASS_TABLES[year].items():
        (source / name).write_text(text)
    _, out, _ = llm4seg("convert", "isic", source, "-d", 4, "--overwrite")
    assert "stratify" not in out
    with (raw / f"Dataset004_ISIC{year}/case_names.csv").open(newline="") as file:
        assert [row["class"] for row in csv.DictReader(file)] == CLASSES[year]


def test_isic_five_folds_are_stratified_by_the_table(tmp_path, llm4seg, raw):
    source = make_isic(tmp_path / "isic", 2016)
    names = [f"ISIC_{number:07d}" for number in range(10)]
    for number, name in enumerate(names):
        save(noise(number, (40, 48, 3)), source / f"ISBI2016_ISIC_Part1_Training_Data/{name}.jpg")
        save(blob(number), source / f"ISBI2016_ISIC_Part1_Training_GroundTruth/{name}_Segmentation.png")
    rows = [f"{name},{'malignant' if number < 5 else 'benign'}\n" for number, name in enumerate(names)]
    (source / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv").write_text("".join(rows))
    assert llm4seg("convert", "isic", source, "-d", 4, "--splits", "5fold")[0] == 0
    folder = raw / "Dataset004_ISIC2016"
    assert json.loads((folder / "splits_info.json").read_text())["stratified_by"] == {"benign": 5, "malignant": 5}
    for fold in json.loads((folder / "splits_final.json").read_text()):
        assert len(fold["val"]) == 2 and len(set(fold["val"]) & set(names[:5])) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ISIC_0000000,benign,\n", "GroundTruth.csv begins with ['ISIC_0000000', 'benign', '']; expected"),
        ("ISIC_0000000,benign\nISIC_0000002,benign,x\n", "GroundTruth.csv has no class for ISIC_0000001"),
        ("image_id,a,b\nISIC_0000000,1,0\n", "GroundTruth.csv begins with ['image_id', 'a', 'b']; expected"),
        ("", "GroundTruth.csv begins with []; expected"),
    ],
)
def test_isic_table_that_does_not_fit_is_named(text, sentence, tmp_path, refused):
    source = make_isic(tmp_path / "isic", 2016)
    (source / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv").write_text(text)
    assert sentence in refused("convert", "isic", source, "-d", 4)


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
