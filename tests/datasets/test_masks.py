"""What is foreground in a mask, and which masks are refused."""

import numpy as np
import pytest
from dataset_trees import blob, save
from PIL import Image, ImageFilter

from nnunet_llm4seg.datasets.masks import SeveralClassesError, read_mask

OUTER = blob(3, (60, 80))
INNER = np.roll(OUTER, 4, axis=1) & np.roll(OUTER, 4, axis=0) & OUTER
CUP = np.where(INNER, 2, np.where(OUTER, 1, 0)).astype(np.uint8)  # background 0, disc 1, cup 2


def paletted(colours, indices=CUP):
    image = Image.fromarray(indices)
    image.putpalette([channel for colour in colours for channel in colour])
    return image


def coloured(*colours):
    return Image.fromarray(np.array(colours, dtype=np.uint8)[CUP])


BLACK, RED, BLUE, WHITE = (0, 0, 0), (255, 0, 0), (0, 0, 100), (255, 255, 255)
SEVERAL = {
    "grey of 0, 128 and 255": (Image.fromarray(np.array([0, 128, 255], dtype=np.uint8)[CUP]), ["0, 128, 255"]),
    "grey of 0, 1 and 2": (Image.fromarray(CUP), ["0, 1, 2"]),
    "grey of 0 and 2": (Image.fromarray(OUTER.astype(np.uint8) * 2), ["0, 2", "background=0,class_1=2"]),
    "grey of 0, 1, 2 and 255": (
        Image.fromarray(np.where(np.roll(OUTER, 25, axis=1), 255, CUP).astype(np.uint8)),
        ["0, 1, 2, 255"],
    ),
    "16 bit of 0 and 1020": (Image.fromarray(OUTER.astype(np.uint16) * 1020), ["0, 1020"]),
    "colours": (coloured(BLACK, RED, BLUE), ["#000000", "#000064", "#ff0000"]),
    "one dark colour": (Image.fromarray(np.array([BLACK, BLUE], dtype=np.uint8)[OUTER.astype(int)]), ["#000064"]),
    "palette of three": (paletted([BLACK, (64, 0, 0), (128, 0, 0)]), ["index 1 #400000", "class_1=1"]),
    "palette with a bright background": (
        paletted([WHITE, RED], OUTER.astype(np.uint8)),
        ["the first bright", "index 0 #ffffff, index 1 #ff0000", "background=0,class_1=1"],
    ),
    "palette of one colour": (paletted([BLACK, BLACK], OUTER.astype(np.uint8)), ["have one colour"]),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_mask_that_may_hold_several_classes_is_refused_with_its_values_and_what_helps(kind, tmp_path):
    image, parts = SEVERAL[kind]
    image.save(tmp_path / "m.png")
    with pytest.raises(SeveralClassesError) as error:
        read_mask(tmp_path / "m.png")
    for part in (*parts, "m.png holds", "--labels"):
        assert part in str(error.value)


def large(mask):
    return Image.fromarray(mask.astype(np.uint8) * 255).resize((800, 600), Image.Resampling.NEAREST)


DISC = Image.fromarray((np.hypot(*(np.indices((600, 800)) - [[[300]], [[400]]])) < 170).astype(np.uint8) * 255)
SOFT = {
    "antialiased": DISC.resize((80, 60), Image.Resampling.BOX),
    "antialiased in few steps": DISC.resize((400, 300), Image.Resampling.BOX),
    "enlarged": DISC.resize((80, 60), Image.Resampling.NEAREST).resize((320, 240), Image.Resampling.BICUBIC),
    "blurred": DISC.filter(ImageFilter.GaussianBlur(3)),
    "much blurred": DISC.filter(ImageFilter.GaussianBlur(30)),
    "antialiased colour": Image.merge("RGB", [DISC, Image.new("L", DISC.size), Image.new("L", DISC.size)]).resize(
        (80, 60), Image.Resampling.BOX
    ),
}


@pytest.mark.parametrize("kind", SOFT)
def test_soft_edges_are_no_classes(kind, tmp_path):
    SOFT[kind].save(tmp_path / "m.png")
    mask, notices = read_mask(tmp_path / "m.png")
    values = np.asarray(SOFT[kind])
    np.testing.assert_array_equal(mask, (values.max(axis=2) if values.ndim == 3 else values) > 127)
    assert notices == []


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_noise_is_no_class_even_when_saved_anew_as_png(quality, tmp_path):
    DISC.convert("RGB").save(tmp_path / "m.jpg", quality=quality)
    with Image.open(tmp_path / "m.jpg") as image:
        image.save(tmp_path / "m.png")
    for name in ("m.jpg", "m.png"):
        mask, _ = read_mask(tmp_path / name)
        assert (mask == (np.asarray(DISC) > 127)).mean() > 0.999


def test_empty_mask_needs_no_values(tmp_path):
    save(np.zeros((40, 48), dtype=np.uint8), tmp_path / "m.png")
    assert not read_mask(tmp_path / "m.png")[0].any()


def test_thin_class_beside_a_large_one_is_seen(tmp_path):
    values = np.where(OUTER, 255, 0).astype(np.uint8)
    values[50, 5:70] = 100  # a vessel of one pixel
    save(values, tmp_path / "m.png")
    with pytest.raises(SeveralClassesError, match="0, 100, 255"):
        read_mask(tmp_path / "m.png")
