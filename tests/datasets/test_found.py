"""What follows from names and options: names of data sets, hints, sizes."""

import numpy as np
import pytest
from dataset_trees import blob, make_folder, noise, save
from PIL import Image

from nnunet_llm4seg.datasets import found as module
from nnunet_llm4seg.datasets.images import TURNED


def test_name_option_names_the_data_set(source, llm4seg, refused, raw):
    assert llm4seg("convert", "folder", source, "-d", 1, "--name", "Retina")[0] == 0
    assert (raw / "Dataset001_Retina/dataset.json").is_file()
    assert "--name 'a b' is not allowed" in refused("convert", "folder", source, "-d", 2, "--name", "a b")
    assert "--name does not apply to busi" in refused("convert", "busi", source, "-d", 2, "--name", "X")


@pytest.mark.parametrize("size", [1_000_000, 30_000, 8193])
def test_sizes_that_no_network_takes_are_refused(size, source, refused):
    assert f"--size {size} is not allowed" in refused("convert", "folder", source, "-d", 1, "--size", size)


def test_group_by_is_hinted_at_where_names_share_their_beginning(tmp_path, llm4seg):
    make_folder(tmp_path / "data", [f"{100 + n // 3}_{n % 3}" for n in range(12)])
    out = llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[1]
    assert "--group-by" in out and "100_0, 100_1" in out
    make_folder(tmp_path / "one", [f"ISIC_{n}" for n in range(12)])
    assert "--group-by" not in llm4seg("convert", "folder", tmp_path / "one", "-d", 2)[1]


def test_grey_is_hinted_at_where_all_colours_are_grey(tmp_path, llm4seg):
    for n in range(4):
        save(np.dstack([noise(n)] * 3), tmp_path / f"data/images/{n}.png")
        save(blob(n), tmp_path / f"data/masks/{n}.png")
    assert "with --grey they become one: 4" in llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[1]
    save(noise(7, (40, 48, 3)), tmp_path / "data/images/3.png")
    assert "--grey" not in llm4seg("convert", "folder", tmp_path / "data", "-d", 2)[1]


def test_turned_images_are_said(tmp_path, llm4seg):
    exif = Image.Exif()
    exif[0x0112] = 3
    make_folder(tmp_path / "data", ["a", "b"])
    Image.fromarray(noise(0)).save(tmp_path / "data/images/a.png", exif=exif)
    out = llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[1]
    assert f"{TURNED}, and their masks, which hold no orientation, were not" in out and ": 1 (a)" in out


def test_resizing_is_not_offered_where_shapes_differ(tmp_path, refused):
    exif = Image.Exif()
    exif[0x0112] = 6
    make_folder(tmp_path / "data", ["a"])
    Image.fromarray(noise(0)).save(tmp_path / "data/images/a.png", exif=exif)
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "--resize-masks" not in sentence and "EXIF orientation" in sentence
    save(blob(0, (40, 40)), tmp_path / "data/masks/0/a.png")
    save(noise(0), tmp_path / "data/images/a.png")
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "--resize-masks" not in sentence and "their shapes differ" in sentence


def test_signed_16_bit_is_not_called_32_bit(tmp_path, refused):
    make_folder(tmp_path / "data", ["a"])
    (tmp_path / "data/images/a.png").unlink()
    import SimpleITK

    image = SimpleITK.GetImageFromArray(noise(0).astype(np.int16) - 100)
    SimpleITK.WriteImage(image, str(tmp_path / "data/images/a.tif"))
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "a.tif holds values from -100 to" in sentence and "32" not in sentence.replace(str(tmp_path), "")


def test_keys_groups_and_names_are_derived_once(source, llm4seg, monkeypatch):
    calls = {"pairs_by_name": 0, "safe_names": 0, "classes_from_names": 0}

    def counted(name, function):
        def call(*arguments):
            calls[name] += 1
            return function(*arguments)

        return call

    for name in calls:
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    arguments = ("--splits", "5fold", "--group-by", "^(p[0-9]+)_")
    assert llm4seg("convert", "folder", source, "-d", 1, *arguments)[0] == 0
    assert set(calls.values()) == {1}
