import numpy as np
import pytest
from dataset_trees import save
from PIL import Image, ImageFilter

from nnunet_llm4seg.datasets import near_duplicates as module
from nnunet_llm4seg.datasets.groups import joined
from nnunet_llm4seg.datasets.near_duplicates import near_duplicates


def scene(seed):
    """Smooth structure, as a scan has it: (96, 96) uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture
def images(tmp_path):
    variants = {
        "a": scene(1),
        "a_brighter": scene(1).point(lambda value: min(255, value * 0.8 + 40)),
        "a_blurred": scene(1).filter(ImageFilter.GaussianBlur(2)),
        "b": scene(2),
        "b_larger": scene(2).resize((160, 130)),
        "b_inverted": scene(2).point(lambda value: 255 - value),
        "c": scene(3),
    }
    for name, image in variants.items():
        image.save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in variants}


def test_changed_copies_are_found_and_others_are_not(images):
    pairs = near_duplicates(images)
    assert pairs == sorted(pairs)
    assert joined(pairs) == [["a", "a_blurred", "a_brighter"], ["b", "b_larger"]]


def test_comparison_in_blocks_finds_the_same(images, monkeypatch):
    whole = near_duplicates(images, workers=2)
    monkeypatch.setattr(module, "_ROWS", 2)
    assert near_duplicates(images) == whole


def test_constant_and_16_bit_images_are_compared(tmp_path):
    grey = np.asarray(scene(1))
    save(grey, tmp_path / "eight.png")
    save(grey.astype(np.uint16) * 16, tmp_path / "sixteen.png")
    save(np.zeros((96, 96), dtype=np.uint8), tmp_path / "black.png")
    save(np.zeros((96, 96), dtype=np.uint16), tmp_path / "deep_black.png")
    images = {path.stem: path for path in tmp_path.iterdir()}
    assert near_duplicates(images) == [("eight", "sixteen")]


def test_single_image_has_no_duplicates(images):
    assert near_duplicates({"a": images["a"]}) == []


def test_shared_busi_has_144_pairs_in_110_groups(shared):
    folder = shared("data/busi")
    pairs = near_duplicates({path.stem: path for path in (folder / "images").iterdir()}, workers=2)
    assert (len(pairs), len(joined(pairs))) == (144, 110)
