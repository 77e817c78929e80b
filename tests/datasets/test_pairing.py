import json

import numpy as np
import pytest
from dataset_trees import blob, cases, noise, pixels, save

LAYOUTS = {
    "GIF masks": ("images/{}.png", "masks/{}.gif"),
    "lesion": ("images/{}.jpg", "masks/{}_lesion.png"),
    "anno": ("images/{}.bmp", "masks/{}_anno.bmp"),
    "two suffixes": ("images/{}_training.tif", "masks/{}_manual1.gif"),
    "prefix": ("images/{}.png", "masks/label_{}.png"),
    "two prefixes": ("images/img{}.png", "masks/label{}.png"),
    "one folder": ("{}.jpg", "{}_mask.png"),
    "one folder of images": ("images/{}.png", "images/{}_segmentation.png"),
    "image and label": ("image/{}.png", "label/{}.png"),
    "upper case": ("Images/{}.PNG", "Masks/{}.png"),
    "images and labels": ("imgs/{}.webp", "labels/{}.ppm"),
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_masks_are_found_by_their_names(kind, tmp_path, llm4seg, raw):
    image, mask = LAYOUTS[kind]
    for n in range(21, 25):
        save(noise(n), tmp_path / "data" / image.format(n))
        save(blob(n).astype(np.uint8) * 255, tmp_path / "data" / mask.format(n))
    code, _, err = llm4seg("convert", "folder", tmp_path / "data", "-d", 1)
    assert code == 0, err
    labels = sorted((raw / "Dataset001_data/labelsTr").iterdir())
    assert len(labels) == 4
    for n, path in enumerate(labels, 21):
        np.testing.assert_array_equal(pixels(path), blob(n))


def test_training_validation_and_test_folders_become_one_fold(tmp_path, llm4seg, raw):
    for number, (name, count) in enumerate([("train", 4), ("val", 2), ("test", 3)]):
        for n in range(count):
            save(noise(10 * number + n), tmp_path / f"data/{name}/images/{n}.png")
            save(blob(n), tmp_path / f"data/{name}/masks/{n}.png")
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 1, "--splits", "official")[0] == 0
    folder = raw / "Dataset001_data"
    assert cases(folder / "imagesTs") == ["test_0", "test_1", "test_2"]
    assert len(list((folder / "labelsTs").iterdir())) == 3
    folds = json.loads((folder / "splits_final.json").read_text())
    assert folds == [{"train": [f"train_{n}" for n in range(4)], "val": ["val_0", "val_1"]}]


def test_masks_that_do_not_fit_are_shown_by_their_names(tmp_path, refused):
    for n, odd in enumerate(["left", "right", "both"]):
        save(noise(n), tmp_path / f"data/images/{n}.png")
        save(blob(n), tmp_path / f"data/masks/{odd}.png")
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "3 of 3 images have no mask" in sentence
    assert "masks without an image are called both.png, left.png, right.png" in sentence


def test_two_masks_of_one_image_are_refused(tmp_path, refused):
    save(noise(1), tmp_path / "data/images/a.png")
    for reader in (1, 2):
        save(blob(reader), tmp_path / f"data/masks/a_manual{reader}.png")
    sentence = refused("convert", "folder", tmp_path / "data", "-d", 1)
    assert "a_manual1.png" in sentence and "a_manual2.png both fit 'a'" in sentence


def test_longest_name_in_a_masks_name_is_its_image(tmp_path, llm4seg, raw):
    for n, name in enumerate(["1", "1_1", "1_2"]):
        save(noise(n), tmp_path / f"data/images/{name}.png")
        save(blob(n), tmp_path / f"data/masks/{name}_mask.png")
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[0] == 0
    for n, name in enumerate(["1", "1_1", "1_2"]):
        np.testing.assert_array_equal(pixels(raw / f"Dataset001_data/labelsTr/{name}.png"), blob(n))
