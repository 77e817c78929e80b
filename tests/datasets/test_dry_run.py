import numpy as np
import pytest
from dataset_trees import blob, contents, make_btcv, noise, save
from test_label_table import retina  # noqa: F401

from nnunet_llm4seg.datasets.registry import CONVERTERS


@pytest.fixture
def nothing_written(raw, tmp_path):
    yield
    assert not raw.exists()


def test_list_shows_converters_with_their_layouts(llm4seg, nothing_written):
    code, out, _ = llm4seg("convert", "--list")
    assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == list(CONVERTERS)
    assert "images/ and masks/0/" in out and "imagesTr" in out


def test_dry_run_shows_what_would_be_written(source, llm4seg, nothing_written):
    save(noise(0), source / "images/p5_11.png")
    save(noise(0), source / "images/more/x.png")
    before = contents(source)
    arguments = ("--splits", "5fold", "--group-by", "^(p[0-9]+)_")
    code, out, _ = llm4seg("convert", "folder", source, "--dry-run", *arguments)
    assert code == 0 and contents(source) == before
    for part in (
        "12 training cases",
        "foreground",
        "share of pixels",
        "not converted: 1 .png files in images/more",
        "1 near-duplicate pairs",
        "group of 4: p0_0, p0_1, p5_10, p5_11",
        "fold 4:",
    ):
        assert part in out, out


def test_dry_run_lists_classes_with_shares_and_a_table_to_copy(retina, llm4seg, nothing_written):  # noqa: F811
    code, out, _ = llm4seg("convert", "folder", retina, "--dry-run")
    assert code == 0 and "would refuse 6 of 6 cases" in out
    assert "0 96.25%, 128 1.92%, 255 1.83%" in out
    assert "--labels 'background=0,class_1=128,class_2=255'" in out
    labels = "background=0,disc=128,cup=255"
    out = llm4seg("convert", "folder", retina, "--dry-run", "--labels", labels)[1]
    assert "disc 1.92%, cup 1.83%" in out and "would refuse" not in out


def test_dry_run_of_volumes(tmp_path, llm4seg, nothing_written):
    code, out, _ = llm4seg("convert", "btcv", make_btcv(tmp_path / "download"), "--dry-run")
    assert code == 0 and "4 training cases, 1 test cases" in out and "no training label holds" in out


def test_dry_run_says_what_would_be_refused(source, llm4seg, nothing_written):
    path = source / "images/p3_6.png"
    path.write_bytes(path.read_bytes()[:200])  # a whole header
    code, out, _ = llm4seg("convert", "folder", source, "--dry-run")
    assert code == 0 and "would refuse 1 of 12 cases" in out and "p3_6.png cannot be read" in out


def test_convert_without_its_arguments_says_what_it_takes(refused):
    assert "convert takes NAME, SOURCE and -d NUMBER" in refused("convert", "folder")


def test_jpeg_masks_are_said_to_hold_one_class(tmp_path, llm4seg, nothing_written):
    for n in range(3):
        save(noise(n), tmp_path / f"data/images/{n}.png")
        save(blob(n).astype(np.uint8) * 255, tmp_path / f"data/masks/{n}.jpg")
    assert "masks are JPEG files" in llm4seg("convert", "folder", tmp_path / "data", "--dry-run")[1]
