"""Tiny images and trees for the tests of this folder."""

import numpy as np
from PIL import Image


def noise(seed, shape=(40, 48)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def blob(seed, shape=(40, 48)):
    mask = np.zeros(shape, dtype=bool)
    mask[seed % 20 : seed % 20 + 12, 5:20] = True
    return mask


def save(pixels, path):
    """Write an array; bool becomes a 1-bit file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def contents(folder):
    """Every file's bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
