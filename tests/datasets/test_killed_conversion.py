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

from nnunet_llm4seg.datasets import conversion, nnunet_folders
from nnunet_llm4seg.datasets.image_cases import FITTED
from nnunet_llm4seg.datasets.masks import FAINT

REPOSITORY = Path(__file__).parents[2]


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


def lines_without_paths(output):
    """All but the first line, which is the folder, and the one that names the contact sheet."""
    return [line for line in output.splitlines()[1:] if "contact_sheet" not in line]


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
    (source / "masks/0/p0_1.png").unlink()
    save(blob(1).astype(np.uint8) * 60, source / "masks/0/p0_1.jpg")
    arguments = ("convert", "folder", source, "-d", 1, "--resize-masks")
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "uninterrupted"))
    _, whole, _ = llm4seg(*arguments)
    monkeypatch.setenv("nnUNet_raw", str(raw))
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "near_duplicates", killed)
        assert llm4seg(*arguments)[0]
    assert not list(raw.glob("Dataset*"))
    _, resumed, _ = llm4seg(*arguments)
    assert lines_without_paths(resumed) == lines_without_paths(whole)
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
