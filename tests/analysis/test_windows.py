import numpy as np

from nnunet_llm4seg.analysis.windows import lesion_window


def image_and_mask(shape, *spans):
    mask = np.zeros(shape, bool)
    if spans:
        mask[tuple(slice(*span) for span in spans)] = True
    return np.arange(mask.size, dtype=np.float64).reshape(1, *shape), mask


def test_image_of_the_patchs_size_is_taken_whole():
    image, mask = image_and_mask((1, 8, 8), (0, 1), (1, 3), (1, 3))
    patch, cut = lesion_window(image, mask, (8, 8))
    assert (patch == image[:, 0]).all()
    assert (cut == mask[0]).all()


def test_window_is_centred_on_the_mask_and_stays_inside():
    image, mask = image_and_mask((1, 20, 20), (0, 1), (8, 12), (18, 20))
    patch, cut = lesion_window(image, mask, (8, 8))
    assert (patch == image[:, 0, 6:14, 12:20]).all()
    assert cut.sum() == mask.sum()


def test_small_images_are_padded_with_zeros_on_both_sides():
    image, mask = image_and_mask((4, 6, 6), (1, 3), (1, 3), (1, 3))
    patch, cut = lesion_window(image + 1, mask, (8, 6, 4))
    assert patch.shape == (1, 8, 6, 4)
    assert (patch[:, :2] == 0).all() and (patch[:, -2:] == 0).all() and (patch[:, 2:6] > 0).all()
    assert cut.sum() == mask.sum()


def test_2d_patch_takes_the_slice_with_the_most_foreground():
    image, mask = image_and_mask((5, 6, 6), (1, 4), (2, 3), (2, 3))
    mask[3, 2:5, 2:5] = True
    patch, _ = lesion_window(image, mask, (6, 6))
    assert (patch == image[:, 3]).all()


def test_empty_mask_means_the_middle():
    image, mask = image_and_mask((1, 10, 10))
    patch, cut = lesion_window(image, mask, (4, 4))
    assert (patch == image[:, 0, 3:7, 3:7]).all()
    assert not cut.any()
