import struct
import zlib

import numpy as np
import pytest
from dataset_trees import blob, noise, save
from PIL import Image

from nnunet_llm4seg.datasets.images import SCALED, is_grey, read_image, resized
from nnunet_llm4seg.datasets.masks import FAINT, INVERTED, read_mask
from nnunet_llm4seg.errors import DatasetError

GREY, RGB = noise(1), noise(2, (40, 48, 3))
MASK = blob(3)
ALPHA = noise(4)


def with_alpha(channels):
    return np.dstack([channels, ALPHA])


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
@pytest.mark.parametrize("stored", [GREY, RGB], ids=["L", "RGB"])
def test_image_without_change_is_bit_identical(stored, ending, tmp_path):
    save(stored, tmp_path / f"x.{ending}")
    pixels, notices = read_image(tmp_path / f"x.{ending}", colour=stored.ndim == 3)
    np.testing.assert_array_equal(pixels, stored)
    assert notices == [] and is_grey(tmp_path / f"x.{ending}") == (stored.ndim == 2)


@pytest.mark.parametrize(("stored", "plain"), [(with_alpha(GREY), GREY), (with_alpha(RGB), RGB)], ids=["LA", "RGBA"])
def test_alpha_is_dropped_without_blending(stored, plain, tmp_path):
    save(stored, tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", colour=plain.ndim == 3)[0], plain)


def test_equal_channels_become_their_grey_exactly(tmp_path):
    save(np.dstack([GREY] * 3), tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", colour=False)[0], GREY)


def test_palette_image_is_read_by_its_colours(tmp_path):
    image = Image.fromarray(RGB).quantize(64)
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", colour=True)[0], np.array(image.convert("RGB")))


def test_palette_of_greys_is_grey_and_one_of_colours_is_not(tmp_path):
    for name, colours in (("grey", [0, 0, 0, 70, 70, 70]), ("colour", [0, 0, 0, 70, 70, 71])):
        palette_mask(colours).save(tmp_path / f"{name}.png")
    assert is_grey(tmp_path / "grey.png") and not is_grey(tmp_path / "colour.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png", colour=False)[0], BYTES * 70)


def test_grey_of_16_bit_keeps_its_values(tmp_path):
    deep = noise(5).astype(np.uint16) * 201
    save(deep, tmp_path / "x.png")
    pixels, notices = read_image(tmp_path / "x.png", colour=False)
    assert pixels.dtype == np.uint16 and notices == []
    np.testing.assert_array_equal(pixels, deep)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_colour_of_16_bit_is_scaled_with_a_notice(ending, tmp_path):
    import SimpleITK

    deep = noise(6, (40, 48, 3)).astype(np.uint16) * 256 + 255
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(deep, isVector=True), str(tmp_path / f"x.{ending}"))
    pixels, notices = read_image(tmp_path / f"x.{ending}", colour=True)
    np.testing.assert_array_equal(pixels, np.rint(deep / 257).astype(np.uint8))
    assert notices == [SCALED]


def test_exif_orientation_turns_image_and_mask(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    Image.fromarray(GREY).save(tmp_path / "x.png", exif=exif)
    Image.fromarray(MASK).save(tmp_path / "m.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", colour=False)[0], np.rot90(GREY, -1))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png")[0], np.rot90(MASK, -1))


def palette_mask(colours, indices=MASK):
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(colours)
    return image


def write_grey_png(path, values, bits):
    """A grey PNG of 2 or 4 bits, which Pillow cannot write."""
    samples = np.unpackbits(values[..., None], axis=2)[..., -bits:]  # (H, W, bits)
    rows = np.packbits(samples.reshape(len(values), -1), axis=1)
    height, width = values.shape
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)),
        b"IEND": b"",
    }
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts.items()]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


BYTES = MASK.astype(np.uint8)
MASKS = {
    "1": Image.fromarray(MASK),
    "L of 0 and 1": Image.fromarray(BYTES),
    "L of 0 and 255": Image.fromarray(BYTES * 255),
    "L of 0 and 128": Image.fromarray(BYTES * 128),
    "L of 40 and 200": Image.fromarray(BYTES * 160 + 40),
    "RGB": Image.fromarray(np.dstack([BYTES * 255] * 3)),
    "red": Image.fromarray(np.dstack([BYTES * 255, BYTES * 0, BYTES * 0])),
    "LA": Image.fromarray(with_alpha(BYTES * 255)),
    "RGBA": Image.fromarray(with_alpha(np.dstack([BYTES * 255] * 3))),
    "16 bit of 0 and 65535": Image.fromarray(BYTES.astype(np.uint16) * 65535),
    "16 bit of 0 and 255": Image.fromarray(BYTES.astype(np.uint16) * 255),
    "palette of black and white": palette_mask([0, 0, 0, 255, 255, 255]),
    "palette of black and maroon": palette_mask([0, 0, 0, 128, 0, 0]),
}


@pytest.mark.parametrize("kind", MASKS)
def test_mask_of_every_kind_is_decoded(kind, tmp_path):
    MASKS[kind].save(tmp_path / "m.png")
    mask, notices = read_mask(tmp_path / "m.png")
    assert mask.dtype == bool and notices == []
    np.testing.assert_array_equal(mask, MASK)


@pytest.mark.parametrize(("bits", "highest"), [(2, 1), (2, 3), (4, 1), (4, 15)])
def test_mask_of_few_bits_is_decoded_by_its_stored_values(bits, highest, tmp_path):
    write_grey_png(tmp_path / "m.png", BYTES * highest, bits)
    mask, notices = read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(mask, MASK)
    assert notices == []


@pytest.mark.parametrize("highest", [1, 255, 65535])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_colour_mask_of_16_bit_is_decoded_by_its_stored_values(ending, highest, tmp_path):
    import SimpleITK

    deep = np.dstack([BYTES.astype(np.uint16) * highest] * 3)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(deep, isVector=True), str(tmp_path / f"m.{ending}"))
    mask, notices = read_mask(tmp_path / f"m.{ending}")
    np.testing.assert_array_equal(mask, MASK)
    assert notices == []


def test_inverted_palette_is_decoded_by_colour_and_noticed(tmp_path):
    palette_mask([255, 255, 255, 0, 0, 0], ~MASK).save(tmp_path / "m.png")
    mask, notices = read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(mask, MASK)
    assert notices == [INVERTED]


def test_jpeg_noise_of_an_empty_mask_stays_background(tmp_path):
    save(np.ones((40, 48), dtype=np.uint8), tmp_path / "m.jpg")
    assert not read_mask(tmp_path / "m.jpg")[0].any()


def test_jpeg_mask_without_bright_values_is_empty_with_a_notice(tmp_path):
    save(BYTES * 60, tmp_path / "m.jpg")
    mask, notices = read_mask(tmp_path / "m.jpg")
    assert not mask.any() and notices == [FAINT]


@pytest.mark.parametrize("size", [(20, 24), (64, 64)])
def test_masks_are_resized_nearest_and_images_bicubic(size, tmp_path):
    wanted = Image.fromarray(BYTES).resize(size[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(resized(BYTES, size, nearest=True), np.array(wanted))
    for stored in (GREY, RGB):
        wanted = Image.fromarray(stored).resize(size[::-1], Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(resized(stored, size), np.array(wanted))


def test_grey_of_16_bit_is_resized_without_overflow():
    deep = np.where(MASK, 65535, 0).astype(np.uint16)
    small = resized(deep, (20, 24))
    assert small.dtype == np.uint16 and small.shape == (20, 24) and small.max() == 65535 and small.min() == 0


def test_unreadable_file_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    save(GREY, tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:200])
    for name in ("text.png", "cut.png"):
        for read in (read_mask, lambda path: read_image(path, colour=False)):
            with pytest.raises(DatasetError, match=f"{name} cannot be read as an image"):
                read(tmp_path / name)


def test_stack_and_float_images_are_refused(tmp_path):
    frames = [Image.fromarray(noise(seed)) for seed in range(3)]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(DatasetError, match=r"stack.tif holds 3 frames"):
        read_image(tmp_path / "stack.tif", colour=False)
    save(GREY.astype(np.float32), tmp_path / "float.tif")
    with pytest.raises(DatasetError, match=r"float.tif holds floating-point values"):
        read_image(tmp_path / "float.tif", colour=False)


def test_tiff_with_a_damaged_next_frame_is_named(tmp_path):
    path = tmp_path / "x.tif"
    save(GREY, path)
    content = bytearray(path.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    following = first + 2 + 12 * entries
    content[following : following + 4] = (len(content) - 1).to_bytes(4, "little")
    path.write_bytes(content)
    for read in (read_mask, lambda path: read_image(path, colour=False)):
        with pytest.raises(DatasetError, match=r"x\.tif cannot be read as an image"):
            read(path)
