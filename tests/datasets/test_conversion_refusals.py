import errno
import os
import shutil

import numpy as np
import pytest
from dataset_trees import contents, make_folder, noise, pixels, save

from nnunet_llm4seg.datasets import case_writer, conversion


def test_empty_and_unknown_folders_are_refused(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other/pictures").mkdir(parents=True)
    for name in ("busi", "tnscui", "isic", "kvasir", "btcv", "folder"):
        assert "holds nothing; expected" in refused("convert", name, tmp_path / "empty", "-d", 1)
        assert "holds pictures; expected" in refused("convert", name, tmp_path / "other", "-d", 1)
        assert "is not a folder" in refused("convert", name, tmp_path / "absent", "-d", 1)


def test_folders_without_images_are_refused(tmp_path, refused):
    for name in ("images", "masks/0"):
        (tmp_path / "data" / name).mkdir(parents=True)
    assert "images holds no images" in refused("convert", "folder", tmp_path / "data", "-d", 1)


def test_missing_and_extra_masks_are_named(source, refused):
    (source / "masks/0/p0_1.png").rename(source / "masks/0/p9_1.png")
    assert "1 of 12 images have no mask" in refused("convert", "folder", source, "-d", 1)
    (source / "images/p0_1.png").unlink()
    sentence = refused("convert", "folder", source, "-d", 1)
    assert "1 masks have no image" in sentence and "p9_1.png" in sentence


def test_a_folder_per_class_is_refused_with_two_ways_out_that_work(source, llm4seg, refused, raw):
    shutil.copytree(source / "masks/0", source / "masks/1")
    sentence = refused("convert", "folder", source, "-d", 1)
    assert "masks contains a folder for each of the classes 0, 1; only masks/0 can be converted." in sentence
    assert (
        "For one class keep its folder alone, as masks/0. For several, replace the folders with one mask" in sentence
    )
    assert sentence.endswith("give the values to `llm4seg convert folder --labels`.")
    shutil.rmtree(source / "masks/1")
    assert llm4seg("convert", "folder", source, "-d", 1)[0] == 0
    for path in (source / "masks/0").iterdir():
        mask = np.zeros_like(pixels(path), dtype=np.uint8)
        mask[4:12, 4:12], mask[16:24, 16:24] = 128, 255
        save(mask, source / "masks" / path.name)
    shutil.rmtree(source / "masks/0")
    table = "background=0,cyst=128,mass=255"
    assert llm4seg("convert", "folder", source, "-d", 2, "--labels", table)[0] == 0
    assert set(np.unique(pixels(raw / "Dataset002_data/labelsTr/p0_0.png"))) == {0, 1, 2}


def test_unreadable_image_is_named(source, refused):
    (source / "images/p3_6.png").write_bytes(b"no image")
    assert "p3_6.png cannot be read as an image" in refused("convert", "folder", source, "-d", 1)


def test_names_that_become_the_same_are_refused(source, refused):
    make_folder(source, ["p0 0"])
    assert "'p0 0' and 'p0_0' both become the case name 'p0_0'" in refused("convert", "folder", source, "-d", 1)


def test_one_name_with_two_endings_is_refused(source, refused):
    save(noise(1), source / "images/p0_0.bmp")
    sentence = refused("convert", "folder", source, "-d", 1)
    assert "p0_0.bmp" in sentence and "p0_0.png" in sentence


def test_file_name_that_is_not_in_utf8_is_refused(source, refused):
    for path in (source / "images/p0_0.png", source / "masks/0/p0_0.png"):
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/caf\xe9.png"))
    assert "'caf\\udce9' is not a name in UTF-8" in refused("convert", "folder", source, "-d", 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-d", 0], "choose a number from 1 to 999"),
        (["-d", 1, "--size", 0], "--size 0 is not allowed"),
        (["-d", 1, "--splits", "3fold"], "choose official or 5fold"),
        (["-d", 1, "--splits", "official"], "holds no lists"),
        (["-d", 1, "--normals"], "--normals does not apply to folder"),
        (["-d", 1, "--group-by", "p"], "add --splits 5fold"),
        (["-d", 1, "--splits", "5fold", "--group-by", "case_([0-9]+)"], "matches 0 of 12 case names"),
        (["-d", 1, "--splits", "5fold", "--group-by", "^p"], "12 cases in 1 groups cannot make 5 folds"),
    ],
)
def test_wrong_options_are_refused(arguments, sentence, source, refused):
    assert sentence in refused("convert", "folder", source, *arguments)


def test_unknown_converter_is_named_with_those_that_there_are(source, refused):
    assert "'busy' is no converter; choose one of busi, tnscui" in refused("convert", "busy", source, "-d", 1)


def test_unset_raw_folder_is_refused(source, refused, monkeypatch):
    monkeypatch.delenv("nnUNet_raw")
    assert "nnUNet_raw is not set" in refused("convert", "folder", source, "-d", 1)


def test_raw_folder_that_cannot_be_written_is_one_sentence(source, refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "file/raw"))
    sentence = refused("convert", "folder", source, "-d", 1)
    assert str(tmp_path / "file/raw") in sentence and "Not a directory" in sentence


def test_full_disk_is_one_sentence_and_the_next_run_goes_on(source, llm4seg, raw, monkeypatch):
    def full(pixels, path):
        if path.name.startswith("p3"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as writing raises it: without a name
        save_(pixels, path)

    save_ = case_writer._save
    monkeypatch.setattr(case_writer, "_save", full)
    code, out, err = llm4seg("convert", "folder", source, "-d", 1)
    sentence = err.strip().splitlines()[-1]
    assert (code, out) == (2, "") and "Traceback" not in err
    assert sentence.startswith(f"llm4seg: {raw} cannot be") and "No space left" in sentence
    assert not list(raw.glob("Dataset*"))
    kept = raw / ".Dataset001_data.part/labelsTr/p0_0.png"
    time_ = kept.stat().st_mtime_ns
    monkeypatch.setattr(case_writer, "_save", save_)
    assert llm4seg("convert", "folder", source, "-d", 1)[0] == 0
    assert (raw / "Dataset001_data/labelsTr/p0_0.png").stat().st_mtime_ns == time_


def test_number_of_another_data_set_is_refused(source, refused, tmp_path, monkeypatch):
    (tmp_path / "results/Dataset001_Other").mkdir(parents=True)
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    assert "Dataset001_Other" in refused("convert", "folder", source, "-d", 1)


# --- overwriting


def test_existing_data_set_is_replaced_only_on_request(source, llm4seg, refused, raw):
    llm4seg("convert", "folder", source, "-d", 1)
    before = contents(raw / "Dataset001_data")
    assert "add --overwrite" in refused("convert", "folder", source, "-d", 1, "--size", 32)
    assert contents(raw / "Dataset001_data") == before
    assert llm4seg("convert", "folder", source, "-d", 1, "--size", 32, "--overwrite")[0] == 0
    assert pixels(raw / "Dataset001_data/labelsTr/p0_0.png").shape == (32, 32)
    assert not list(raw.glob(".*.part")) and not list(raw.glob(".*.old"))


def test_failed_overwrite_keeps_the_old_data_set(source, llm4seg, refused, raw):
    llm4seg("convert", "folder", source, "-d", 1)
    before = contents(raw / "Dataset001_data")
    (source / "images/p3_6.png").write_bytes(b"no image")
    refused("convert", "folder", source, "-d", 1, "--overwrite")
    assert contents(raw / "Dataset001_data") == before


@pytest.mark.parametrize("option", [(), ("--overwrite",)])
def test_data_set_folder_that_is_a_link_is_never_replaced(option, source, refused, raw, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    raw.mkdir()
    link = raw / "Dataset001_data"
    link.symlink_to(tmp_path / "elsewhere")
    assert f"{link} is a link to {tmp_path / 'elsewhere'}" in refused("convert", "folder", source, "-d", 1, *option)
    assert link.is_symlink() and not list(raw.glob(".*"))


@pytest.fixture
def preprocessed(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    folder = tmp_path / "preprocessed/Dataset001_data"
    folder.mkdir(parents=True)
    return folder


def test_stale_plans_stop_an_overwrite(source, llm4seg, refused, preprocessed):
    (preprocessed / "nnUNetPlans.json").write_text("{}")
    sentence = refused("convert", "folder", source, "-d", 1)
    assert "nnUNetPlans.json" in sentence and "--overwrite-preprocessed" in sentence and preprocessed.exists()
    assert llm4seg("convert", "folder", source, "-d", 1, "--overwrite-preprocessed")[0] == 0
    assert not preprocessed.exists()


def test_differing_splits_stop_an_overwrite_and_equal_ones_do_not(source, llm4seg, refused, raw, preprocessed):
    llm4seg("convert", "folder", source, "-d", 1, "--splits", "5fold")
    (preprocessed / "splits_final.json").write_bytes((raw / "Dataset001_data/splits_final.json").read_bytes())
    assert llm4seg("convert", "folder", source, "-d", 1, "--splits", "5fold", "--overwrite")[0] == 0
    other = ("convert", "folder", source, "-d", 1, "--splits", "5fold", "--seed", 3, "--overwrite")
    assert "another splits_final.json" in refused(*other)
    assert "another splits_final.json" in refused("convert", "folder", source, "-d", 1, "--overwrite")
    assert llm4seg(*other, "--overwrite-preprocessed")[0] == 0


@pytest.mark.parametrize("splits", [(), ("--splits", "official")])
def test_differing_splits_that_are_known_before_stop_the_conversion_before_its_work(
    splits, source, refused, preprocessed, monkeypatch
):
    def written(*arguments):
        raise AssertionError("cases were written")

    (source / "train.txt").write_text("p0_0\n")
    (source / "val.txt").write_text("p0_1\n")
    (preprocessed / "splits_final.json").write_text('[{"train": ["p0_1"], "val": ["p0_0"]}]')
    monkeypatch.setattr(conversion, "write_cases", written)
    assert "another splits_final.json" in refused("convert", "folder", source, "-d", 1, *splits)


@pytest.mark.parametrize("splits", [(), ("--splits", "5fold")])
def test_damaged_splits_in_the_preprocessed_folder_are_other_splits(splits, source, refused, preprocessed):
    (preprocessed / "splits_final.json").write_text("")
    assert "another splits_final.json" in refused("convert", "folder", source, "-d", 1, *splits)
