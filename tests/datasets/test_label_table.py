import json

import numpy as np
import pytest
from dataset_trees import blob, noise, pixels, save
from test_masks import BLACK, BLUE, CUP, RED, coloured, paletted

from nnunet_llm4seg.datasets.label_table import read_table
from nnunet_llm4seg.datasets.stored_masks import stored_mask
from nnunet_llm4seg.errors import ConfigError, DatasetError

GREYS = np.array([0, 128, 255], dtype=np.uint8)[CUP]


def test_values_indices_and_colours_become_labels(tmp_path):
    save(GREYS, tmp_path / "grey.png")
    save(np.dstack([GREYS] * 3), tmp_path / "equal.png")
    save(CUP.astype(np.uint16) * 510, tmp_path / "deep.png")
    coloured(BLACK, RED, BLUE).save(tmp_path / "colour.png")
    paletted([(255, 255, 255), RED, BLUE]).save(tmp_path / "palette.png")
    for name, labels in {
        "grey": "background=0,disc=128,cup=255",
        "equal": "background=0,disc=128,cup=255",
        "deep": "background=0,disc=510,cup=1020",
        "colour": "background=#000000,disc=#ff0000,cup=#000064",
        "palette": "background=0,disc=1,cup=2",
    }.items():
        table = read_table(labels)
        np.testing.assert_array_equal(table.decode(stored_mask(tmp_path / f"{name}.png")), CUP)
        assert table.labels == {"background": 0, "disc": 1, "cup": 2}
    by_colour = read_table("background=#ffffff,disc=#ff0000,cup=#000064")
    np.testing.assert_array_equal(by_colour.decode(stored_mask(tmp_path / "palette.png")), CUP)


def test_several_values_make_one_class_and_ignore_comes_last(tmp_path):
    save(GREYS, tmp_path / "m.png")
    table = read_table("ignore=7,background=0,lesion=128+255")
    assert table.labels == {"background": 0, "lesion": 1, "ignore": 2}
    np.testing.assert_array_equal(table.decode(stored_mask(tmp_path / "m.png")), CUP > 0)


def test_tables_are_read_from_files(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"background": 0, "x": [1, "#ff0000"]}))
    (tmp_path / "t.csv").write_text("name,value\nbackground,0\nx,1\nx,#ff0000\n")
    tables = [read_table(str(tmp_path / name)) for name in ("t.json", "t.csv")]
    assert tables[0] == tables[1] == read_table("background=0,x=1+#ff0000")


def test_value_without_a_class_is_named(tmp_path):
    save(GREYS, tmp_path / "m.png")
    with pytest.raises(DatasetError, match=r"m.png holds 128, which --labels does not name"):
        read_table("background=0,cup=255").decode(stored_mask(tmp_path / "m.png"))
    coloured(BLACK, RED, BLUE).save(tmp_path / "c.png")
    with pytest.raises(DatasetError, match=r"c.png holds colours; give them to --labels"):
        read_table("background=0,cup=255").decode(stored_mask(tmp_path / "c.png"))


def test_jpeg_keeps_no_classes_apart(tmp_path):
    save(GREYS, tmp_path / "m.jpg")
    with pytest.raises(DatasetError, match="JPEG file, which does not keep values apart"):
        read_table("background=0,disc=128,cup=255").decode(stored_mask(tmp_path / "m.jpg"))


@pytest.mark.parametrize(
    "labels",
    ["disc=1,cup=2", "background=0", "background=0,disc=0", "background=0,disc=-1", "background=0,disc=red", "x.json"],
)
def test_useless_tables_are_refused(labels):
    with pytest.raises(ConfigError, match="--labels"):
        read_table(labels)


# --- through the command


@pytest.fixture
def retina(tmp_path):
    """Six images with masks of grey 0, 128 and 255."""
    for n in range(6):
        save(noise(n, (60, 80)), tmp_path / f"data/images/e{n}.png")
        save(np.roll(GREYS, 3 * n, axis=1), tmp_path / f"data/masks/e{n}.png")
    return tmp_path / "data"


def test_masks_of_several_classes_are_refused_without_a_table_and_converted_with_one(retina, llm4seg, refused, raw):
    sentence = refused("convert", "folder", retina, "-d", 1)
    assert "e0.png holds 3 separate values (0, 128, 255)" in sentence
    assert "--labels 'background=0,class_1=128,class_2=255'" in sentence
    labels = "background=0,disc=128,cup=255"
    code, out, _ = llm4seg("convert", "folder", retina, "-d", 1, "--labels", labels, "--size", 40)
    assert code == 0 and "disc" in out and "cup" in out
    folder = raw / "Dataset001_data"
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, "disc": 1, "cup": 2}
    assert set(np.unique(pixels(folder / "labelsTr/e0.png"))) == {0, 1, 2}


def test_class_that_no_training_case_holds_is_noticed(retina, llm4seg):
    labels = "background=0,disc=128,cup=255,vessel=64"
    assert "no training label holds vessel" in llm4seg("convert", "folder", retina, "-d", 1, "--labels", labels)[1]


def test_foreground_of_different_values_in_different_masks_is_refused(tmp_path, refused, llm4seg):
    for n in range(4):
        save(noise(n), tmp_path / f"data/images/a{n}.png")
        save(blob(n).astype(np.uint8) * (128, 255)[n % 2], tmp_path / f"data/masks/a{n}.png")
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "a0.png is 128" in sentence and "a1.png 1 or white" in sentence and "two classes" in sentence
    one = ("--labels", "background=0,foreground=128+255")
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 1, *one)[0] == 0


def test_data_set_without_any_foreground_is_refused(tmp_path, refused):
    for n in range(4):
        save(noise(n), tmp_path / f"data/images/a{n}.png")
        save(np.zeros((40, 48), dtype=np.uint8), tmp_path / f"data/masks/a{n}.png")
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "the labels of all 4 training cases are empty" in sentence
