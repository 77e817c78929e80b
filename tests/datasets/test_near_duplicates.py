import numpy as np
import pytest
from dataset_trees import pixels, save
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from nnunet_llm4seg.datasets import near_duplicates as module
from nnunet_llm4seg.datasets.groups import joined
from nnunet_llm4seg.datasets.near_duplicates import features, near_duplicates


def pairs_of(images):
    """Near-duplicates among image files by name."""
    return near_duplicates({name: features(pixels(path)) for name, path in images.items()}).pairs


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
    pairs = pairs_of(images)
    assert pairs == sorted(pairs)
    assert joined(pairs) == [["a", "a_blurred", "a_brighter"], ["b", "b_larger"]]


def test_comparison_in_blocks_finds_the_same(images, monkeypatch):
    whole = pairs_of(images)
    monkeypatch.setattr(module, "_ROWS", 2)
    assert pairs_of(images) == whole


def test_constant_and_16_bit_images_are_compared(tmp_path):
    grey = np.asarray(scene(1))
    save(grey, tmp_path / "eight.png")
    save(grey.astype(np.uint16) * 16, tmp_path / "sixteen.png")
    save(np.zeros((96, 96), dtype=np.uint8), tmp_path / "black.png")
    save(np.zeros((96, 96), dtype=np.uint16), tmp_path / "deep_black.png")
    images = {path.stem: path for path in tmp_path.iterdir()}
    assert pairs_of(images) == [("eight", "sixteen")]


def test_single_image_has_no_duplicates(images):
    assert pairs_of({"a": images["a"]}) == []


def test_shared_busi_has_144_pairs_in_110_groups(shared):
    folder = shared("data/busi")
    pairs = pairs_of({path.stem: path for path in (folder / "images").iterdir()})
    assert (len(pairs), len(joined(pairs))) == (144, 110)


def eye(seed):
    """A photograph of the same round field of view with a structure of its own: blurred noise of 3 grey levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    own = gaussian_filter(rng.normal(size=(256, 256)), 3)
    view = 150 - 60 * (np.hypot(y - 128, x - 60) / 180) ** 2 + own * (3 / own.std())
    return np.where(np.hypot(y - 128, x - 128) <= 120, view, 0).clip(0, 255).astype(np.uint8)


def test_what_the_whole_data_set_has_in_common_is_no_similarity():
    images = {f"eye{n}": features(eye(n)) for n in range(20)}
    found = near_duplicates(images)
    assert found.pairs == [] and found.alike == 190
    again = np.clip(eye(3).astype(int) + 2, 0, 255).astype(np.uint8)
    assert near_duplicates({**images, "again": features(again)}).pairs == [("again", "eye3")]


def test_data_set_of_one_image_alone_is_all_duplicates():
    same = features(eye(0))
    assert len(near_duplicates({f"{n:02d}": same for n in range(12)}).pairs) == 66
