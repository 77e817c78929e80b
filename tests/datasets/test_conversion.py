import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import blob, contents, make_folder, noise, pixels, save
from PIL import Image

from nnunet_llm4seg.datasets import case_writer, conversion, nnunet_folders
from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.folds import SplitOptions, make_folds
from nnunet_llm4seg.datasets.images import FAINT, FITTED

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path):
    return make_folder(tmp_path / "data", [f"p{n // 2}_{n}" for n in range(12)])


def test_size_resizes_images_bicubic_and_masks_nearest(source, llm4seg, raw):
    assert llm4seg("convert", "folder", source, "-d", 1, "--size", 32)[0] == 0
    folder = raw / "Dataset001_data"
    image = Image.fromarray(noise(0)).resize((32, 32), Image.Resampling.BICUBIC)
    mask = Image.fromarray(blob(0).astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(pixels(folder / "imagesTr/p0_0_0000.png"), np.array(image))
    np.testing.assert_array_equal(pixels(folder / "labelsTr/p0_0.png"), np.array(mask))


def test_patients_stay_in_one_fold_and_in_groups_json(source, llm4seg, raw):
    arguments = ("-d", 1, "--splits", "5fold", "--group-by", "^(p[0-9]+)_")
    assert llm4seg("convert", "folder", source, *arguments)[0] == 0
    folder = raw / "Dataset001_data"
    groups = json.loads((folder / "groups.json").read_text())
    assert groups["groups"] == sorted(sorted([f"p{n}_{2 * n}", f"p{n}_{2 * n + 1}"]) for n in range(6))
    assert "near-duplicates" in groups["rule"] and "^(p[0-9]+)_" in groups["rule"]
    for fold in json.loads((folder / "splits_final.json").read_text()):
        patients = [{case.split("_")[0] for case in fold[part]} for part in ("train", "val")]
        assert patients[0].isdisjoint(patients[1])
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["group_by"] == "^(p[0-9]+)_" and info["patients_crossing_each_fold"] == [0] * 5


def test_near_duplicates_may_be_left_ungrouped_but_are_still_listed(source, llm4seg, raw):
    for number in range(12):  # all the same
        save(noise(0), source / f"images/p{number // 2}_{number}.png")
    assert llm4seg("convert", "folder", source, "-d", 1, "--splits", "5fold", "--no-group-near-duplicates")[0] == 0
    folder = raw / "Dataset001_data"
    assert len(json.loads((folder / "groups.json").read_text())["groups"][0]) == 12
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["near_duplicates_grouped"] is False and sum(info["near_duplicates"]["pairs_crossing_each_fold"])


def test_training_images_that_resemble_one_test_image_stay_in_one_fold(tmp_path):
    cases = [Case(name=f"c{n}", image=tmp_path, test=n > 9) for n in range(11)]
    dataset = SourceDataset(name="X", list_folders=(), cases=cases, labels={})
    names = {case.name: case.name for case in cases}
    folds, _ = make_folds(dataset, names, [("c0", "c10"), ("c1", "c10")], SplitOptions(kind="5fold"))
    assert [sorted({"c0", "c1"} & set(fold["val"])) for fold in folds if "c0" in fold["val"]] == [["c0", "c1"]]
    assert sorted(name for fold in folds for name in fold["val"]) == [f"c{n}" for n in range(10)]


def test_conversion_without_splits_writes_groups_and_no_folds(source, llm4seg, raw):
    save(noise(0), source / "images/p5_11.png")
    _, out, _ = llm4seg("convert", "folder", source, "-d", 1)
    assert "1 near-duplicate pairs" in out and "--splits 5fold keeps them together" in out
    assert sorted(path.name for path in (raw / "Dataset001_data").iterdir()) == [
        "case_names.csv",
        "dataset.json",
        "groups.json",
        "imagesTr",
        "labelsTr",
    ]


def test_labels_that_are_empty_or_foreground_everywhere_are_noticed(source, llm4seg):
    transparent = np.dstack([np.zeros((40, 48, 3), dtype=np.uint8), blob(0).astype(np.uint8) * 255])
    save(transparent, source / "masks/0/p0_0.png")  # the mask is in alpha alone
    red_on_white = np.where(blob(1)[..., None], [255, 0, 0], 255).astype(np.uint8)
    save(red_on_white, source / "masks/0/p0_1.png")
    code, out, _ = llm4seg("convert", "folder", source, "-d", 1)
    assert code == 0 and f"{case_writer.EMPTY}: 1 (p0_0)" in out and f"{case_writer.FULL}: 1 (p0_1)" in out


# --- what the user may get wrong


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
    monkeypatch.setattr(conversion, "_write_cases", written)
    assert "another splits_final.json" in refused("convert", "folder", source, "-d", 1, *splits)


@pytest.mark.parametrize("splits", [(), ("--splits", "5fold")])
def test_damaged_splits_in_the_preprocessed_folder_are_other_splits(splits, source, refused, preprocessed):
    (preprocessed / "splits_final.json").write_text("")
    assert "another splits_final.json" in refused("convert", "folder", source, "-d", 1, *splits)


# --- killed runs


def start(source, raw):
    script = "from nnunet_llm4seg.cli import main; main()"
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", script, "convert", "folder", str(source), "-d", "1", "--splits", "5fold"],
        env=os.environ | {"nnUNet_raw": str(raw), "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize("after", [1, 9])
def test_killed_run_goes_on_to_the_same_bytes(after, tmp_path, raw):
    source = make_folder(tmp_path / "data", [f"case{n}" for n in range(20)], shape=(700, 900))
    assert start(source, tmp_path / "uninterrupted").wait(300) == 0
    run = start(source, raw)
    written = raw / ".Dataset001_data.part/labelsTr"
    deadline = time.monotonic() + 300
    while not (written.is_dir() and len(list(written.glob("case*"))) >= after):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.002)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not list(raw.glob("Dataset*"))
    kept = {path: path.stat().st_mtime_ns for path in written.glob("case*")}
    assert kept
    assert start(source, raw).wait(300) == 0
    final = raw / "Dataset001_data"
    assert contents(final) == contents(tmp_path / "uninterrupted/Dataset001_data")
    assert all((final / "labelsTr" / path.name).stat().st_mtime_ns == time_ for path, time_ in kept.items())
    assert not list(raw.glob(".*.part"))


def test_splits_of_a_run_that_was_killed_late_are_not_those_of_the_next(source, llm4seg, raw, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(nnunet_folders, "refuse_other_splits", killed)
        assert llm4seg("convert", "folder", source, "-d", 1, "--splits", "5fold")[0]
    assert (raw / ".Dataset001_data.part/splits_final.json").is_file()
    assert llm4seg("convert", "folder", source, "-d", 1)[0] == 0
    assert not list((raw / "Dataset001_data").glob("splits*"))


def test_resumed_run_says_what_the_killed_one_noticed(source, llm4seg, raw, monkeypatch, tmp_path):
    def killed(*arguments, **options):
        raise KeyboardInterrupt

    save(np.kron(blob(0), np.ones((2, 2), dtype=bool)), source / "masks/0/p0_0.png")
    save(blob(1).astype(np.uint8) * 2, source / "masks/0/p0_1.png")
    arguments = ("convert", "folder", source, "-d", 1, "--resize-masks")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "uninterrupted"))
    _, whole, _ = llm4seg(*arguments)
    monkeypatch.setenv("nnUNet_raw", str(raw))
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "near_duplicates", killed)
        assert llm4seg(*arguments)[0]
    assert not list(raw.glob("Dataset*"))
    _, resumed, _ = llm4seg(*arguments)
    assert resumed.splitlines()[1:] == whole.splitlines()[1:]  # the first line is the folder
    assert f"{FITTED}: 1 (p0_0)" in resumed and f"{FAINT}: 1 (p0_1)" in resumed
    assert contents(raw / "Dataset001_data") == contents(tmp_path / "uninterrupted/Dataset001_data")
    assert not list((raw / "Dataset001_data").glob(".*"))


@pytest.mark.parametrize("recipe", [json.dumps({"size": 32}), ""], ids=["other", "empty"])
def test_leftovers_of_other_options_are_not_used(recipe, source, llm4seg, raw):
    part = raw / ".Dataset001_data.part"
    save(noise(99), part / "imagesTr/p0_0_0000.png")
    save(blob(99), part / "labelsTr/p0_0.png")
    (part / ".recipe.json").write_text(recipe)
    assert llm4seg("convert", "folder", source, "-d", 1)[0] == 0
    np.testing.assert_array_equal(pixels(raw / "Dataset001_data/imagesTr/p0_0_0000.png"), noise(0))


def test_replacement_killed_between_its_renames_is_undone(source, llm4seg, refused, raw):
    llm4seg("convert", "folder", source, "-d", 1)
    before = contents(raw / "Dataset001_data")
    (raw / "Dataset001_data").rename(raw / ".Dataset001_data.old")
    code, _, err = llm4seg("convert", "folder", source, "-d", 1)
    assert code == 2 and "already there" in err
    assert contents(raw / "Dataset001_data") == before


def test_second_run_at_the_same_time_is_refused(source, llm4seg, raw):
    from filelock import FileLock

    raw.mkdir()
    with FileLock(raw / ".Dataset001_data.lock"):
        code, _, err = llm4seg("convert", "folder", source, "-d", 1)
    assert code == 2 and "another run" in err and not list(raw.glob("Dataset*"))
