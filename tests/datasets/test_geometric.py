"""Made data sets: the labels are right by another way of looking at the images, and the same arguments repeat them."""

import json

import numpy as np
import pytest
from dataset_trees import contents
from PIL import Image
from scipy import ndimage

from nnunet_llm4seg.datasets.geometric import TASKS, make_case

EVERY = [(task, size, hard) for task in TASKS for size in ((32,) if "3d" in task else (64, 128)) for hard in (0, 1)]


def cases(task, size, hard, count=25, seed=7):
    """Bright pixels, found by a threshold that knows nothing of how the image was made, and the label."""
    for number in range(count):
        image, label = make_case(task, size=size, seed=seed, number=number, hard=bool(hard))
        assert image.dtype == label.dtype == np.uint8 and image.shape == label.shape
        yield image > (int(image.min()) + int(image.max())) / 2, label.astype(bool)


def parts(mask):
    found, count = ndimage.label(mask)
    return [found == number for number in range(1, count + 1)]


def apart(first, second):
    """Shortest distance between two masks as a share of the image's side."""
    return ndimage.distance_transform_edt(~first)[second].min() / len(first)


@pytest.mark.parametrize(("task", "size", "hard"), [each for each in EVERY if "disc" in each[0]])
def test_the_labelled_disc_is_the_larger_of_two(task, size, hard):
    for bright, label in cases(task, size, hard):
        smaller, larger = sorted(parts(bright), key=np.count_nonzero)
        np.testing.assert_array_equal(larger, label)
        assert larger.sum() > 1.3 * smaller.sum()
        assert apart(smaller, larger) >= 0.34 if hard else apart(smaller, larger) <= 0.13


@pytest.mark.parametrize(("task", "size", "hard"), [each for each in EVERY if "contour" in each[0]])
def test_the_labelled_inside_is_what_a_flood_from_the_border_does_not_reach(task, size, hard):
    for bright, label in cases(task, size, hard):
        border = np.pad(np.zeros(bright.shape, dtype=bool), 1, constant_values=True)
        flooded = ndimage.binary_propagation(border, mask=np.pad(~bright, 1, constant_values=True))
        np.testing.assert_array_equal(~flooded[1:-1, 1:-1] & ~bright, label)
        contours = parts(ndimage.binary_dilation(bright, np.ones((3, 3))))
        assert len(contours) >= 3 and label.any()
        across = np.ptp(np.argwhere(label), axis=0).max() / size
        assert across >= 0.26 if hard else across <= 0.26


@pytest.mark.parametrize(("task", "size", "hard"), [each for each in EVERY if "line" in each[0]])
def test_the_line_from_the_square_leads_to_the_labelled_disc_and_to_no_other(task, size, hard):
    for bright, label in cases(task, size, hard):
        block = np.ones((size // 16, size // 16))  # dashes are thinner
        thick = [part for part in parts(bright) if ndimage.binary_erosion(part, block).any()]
        *discs, square = sorted(thick, key=np.count_nonzero, reverse=True)
        assert len(discs) == 3
        joined, _ = ndimage.label(ndimage.distance_transform_edt(~bright) <= 0.035 * size)
        (line,) = set(joined[square])
        reached = [disc for disc in discs if joined[disc].max() == line]
        assert len(reached) == 1
        np.testing.assert_array_equal(reached[0], label)
        assert apart(square, label) >= 0.4 if hard else apart(square, label) <= 0.25


def test_the_size_of_a_disc_alone_says_little():
    radii = []
    for bright, _ in cases("larger-disc", 64, 1, count=200):
        smaller, larger = sorted(np.sqrt([part.sum() for part in parts(bright)]))
        radii += [(smaller, False), (larger, True)]
    right = [np.mean([(radius > limit) == larger for radius, larger in radii]) for limit, _ in radii]
    assert max(right) < 0.75


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(llm4seg, raw, tmp_path, monkeypatch):
    made = {}
    for name, seed in (("first", 3), ("second", 3), ("other", 4)):
        monkeypatch.setenv("nnUNet_raw", str(tmp_path / name))
        for task, size in (("broken-line", 64), ("larger-disc-3d", 32)):
            words = ("convert", "geometric", task, "-d", size, "--cases", 6, "--size", size, "--seed", seed)
            assert llm4seg(*words, "--splits", "5fold")[0] == 0
        made[name] = contents(tmp_path / name)
    assert made["first"] == made["second"]
    assert made["first"].keys() == made["other"].keys() and made["first"] != made["other"]
    folder = tmp_path / "first" / "Dataset064_BrokenLineHard"
    assert len(json.loads((folder / "splits_final.json").read_text())) == 5
    assert json.loads((folder / "dataset.json").read_text())["labels"] == {"background": 0, "foreground": 1}
    image, label = make_case("broken-line", size=64, seed=3, number=5, hard=True)
    np.testing.assert_array_equal(np.array(Image.open(folder / "imagesTr/broken-line_0005_0000.png")), image)
    np.testing.assert_array_equal(np.array(Image.open(folder / "labelsTr/broken-line_0005.png")), label)


def test_a_dry_run_writes_nothing(llm4seg, raw):
    code, out, _ = llm4seg("convert", "geometric", "closed-contour", "--cases", 5, "--size", 64, "--dry-run")
    assert code == 0 and "would write ClosedContourHard" in out and "5 training cases" in out and not raw.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["larger-disk", "--cases", 5, "--size", 64], "no geometric task 'larger-disk'; did you mean 'larger-disc'?"),
        (["broken-line", "--cases", 4, "--size", 64], "--cases 4 is not allowed; five folds need at least 5"),
        (["broken-line", "--size", 64], "--cases is missing"),
        (["broken-line", "--cases", 5], "--size is missing; give the side in pixels, 64 to 1024"),
        (["broken-line", "--cases", 5, "--size", 63], "--size 63 is not allowed for broken-line"),
        (["larger-disc-3d", "--cases", 5, "--size", 256], "--size 256 is not allowed for larger-disc-3d"),
        (["broken-line", "--cases", 5, "--size", 64, "--difficulty", "hart"], "no 'hart'; did you mean 'hard'?"),
        (["broken-line", "--cases", 5, "--size", 64, "--seed", -1], "--seed -1 is not allowed"),
        (["broken-line", "--cases", 5, "--size", 64, "--normals"], "--normals does not apply to geometric"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(refused, words, said):
    assert said in refused("convert", "geometric", *words, "-d", 1)


def test_how_many_cases_is_no_question_of_downloaded_data(refused, source):
    assert "--cases does not apply to folder" in refused("convert", "folder", source, "-d", 1, "--cases", 5)
