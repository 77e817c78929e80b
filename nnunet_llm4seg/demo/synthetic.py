"""Synthetic images that look somewhat like breast ultrasound: speckle, layers of tissue, lesions and shadows.

The model is the usual first-order one: echogenicity times fully developed speckle (the magnitude of a complex
Gaussian field seen through a point spread function), attenuated with depth, log-compressed to 8 bits.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.nnunet.names import DATASET, HELD_OUT_IMAGES, HELD_OUT_LABELS, TRAINING_IMAGES, TRAINING_LABELS

# lesion echogenicity relative to the tissue around it, in dB, from clearly dark over barely visible to bright
CONTRASTS_DB = (-20.0, -15.0, -11.0, -8.0, 9.0)


def write_dataset(folder: Path, *, training: int, held_out: int, size: int, seed: int) -> None:
    """Write an nnU-Net raw data set of grey PNGs, completely or not at all.

    Held-out cases are in imagesTs, with their reference in labelsTs. The same arguments give the same pixels.

    Args:
        folder: `DatasetXXX_Name`, which must not exist.
        training: Cases in imagesTr and labelsTr.
        held_out: Cases in imagesTs and labelsTs.
        size: Height and width in pixels.
        seed: Of all random numbers.
    """
    from PIL import Image

    unfinished = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (TRAINING_IMAGES, TRAINING_LABELS, HELD_OUT_IMAGES, HELD_OUT_LABELS):
        (unfinished / part).mkdir(parents=True)
    for number in range(training + held_out):
        image, mask = make_case(np.random.default_rng([seed, number]), size)
        part, name = "Tr" if number < training else "Ts", f"synthetic_{number:03d}"
        Image.fromarray(image).save(unfinished / f"images{part}" / f"{name}_0000.png")
        Image.fromarray(mask).save(unfinished / f"labels{part}" / f"{name}.png")
    description = {
        "channel_names": {"0": "zscore"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": training,
        "file_ending": ".png",
        "description": "Synthetic, ultrasound-like; made by llm4seg demo. No patient was involved.",
    }
    write_json(unfinished / DATASET, description)
    os.replace(unfinished, folder)


def make_case(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One image and its lesion mask (0 or 1), both uint8 of shape (size, size); rows are depth."""
    depth, lateral = np.mgrid[0:size, 0:size] / size
    echo_db = _tissue(rng, depth, lateral)
    distance, centre = _lesion(rng, depth, lateral)
    mask = distance < 1
    contrast = rng.choice(CONTRASTS_DB) + rng.normal(0, 1.0)
    edge = rng.uniform(0.03, 0.12)  # how blurred the margin is, relative to the radius
    echo_db += contrast / (1 + np.exp((distance - 1) / edge))
    echo_db += _shadows(rng, depth, lateral, distance, centre)
    speckle = _speckle(rng, size)
    decibel = 20 * np.log10(10 ** (echo_db / 20) * speckle + 1e-3) - rng.uniform(4, 10) * depth
    image = np.clip((decibel + 34) / 48 * 255, 0, 255)
    return image.astype(np.uint8), mask.astype(np.uint8)


def _tissue(rng: np.random.Generator, depth: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """Echogenicity in dB: skin, fat and wavy fibrous bands, with slow variations."""
    wave = 0.02 * np.sin(2 * np.pi * (rng.uniform(0.6, 1.6) * lateral + rng.uniform())) + rng.normal(0, 0.01)
    skin = 9 * np.exp(-(((depth - 0.04 - wave / 2) / 0.025) ** 2))
    fat = -5.0 * (depth < 0.2 + wave)
    bands = sum(
        rng.uniform(2, 5) * np.exp(-(((depth - place - 2 * wave) / rng.uniform(0.01, 0.025)) ** 2))
        for place in rng.uniform(0.18, 0.95, size=rng.integers(3, 6))
    )
    return skin + fat + bands + 2.5 * _smooth_noise(rng, depth.shape, 0.12)


def _lesion(rng: np.random.Generator, depth: np.ndarray, lateral: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Distance from a lesion's centre in units of its radius in that direction, and (depth, lateral, radius)."""
    centre = rng.uniform(0.35, 0.68), rng.uniform(0.27, 0.73)
    height, width = rng.uniform(0.08, 0.17), rng.uniform(0.11, 0.22)
    tilt = rng.uniform(-0.4, 0.4)
    along = (lateral - centre[1]) * np.cos(tilt) + (depth - centre[0]) * np.sin(tilt)
    across = (depth - centre[0]) * np.cos(tilt) - (lateral - centre[1]) * np.sin(tilt)
    angle = np.arctan2(across / height, along / width)
    roughness = rng.uniform(0.02, 0.10)
    outline = 1 + sum(
        roughness / order**0.5 * np.sin(order * angle + rng.uniform(0, 2 * np.pi)) for order in range(2, 7)
    )
    return np.hypot(along / width, across / height) / outline, (*centre, width)


def _shadows(
    rng: np.random.Generator, depth: np.ndarray, lateral: np.ndarray, distance: np.ndarray, centre: tuple
) -> np.ndarray:
    """dB added below the lesion (a shadow or enhancement) and below dense structures that are not lesions."""
    total = np.zeros_like(depth)
    behind = (depth > centre[0]) * (distance > 1) * np.exp(-(((lateral - centre[1]) / (0.7 * centre[2])) ** 4))
    total += rng.choice([-9.0, -4.0, 0.0, 3.0]) * behind
    for _ in range(rng.integers(0, 3)):
        start, place, width = rng.uniform(0.05, 0.6), rng.uniform(0, 1), rng.uniform(0.02, 0.06)
        beam = np.exp(-(((lateral - place) / width) ** 4))
        total -= rng.uniform(6, 12) * beam / (1 + np.exp(-(depth - start) / 0.02))
    return total


def _speckle(rng: np.random.Generator, size: int) -> np.ndarray:
    """Rayleigh-distributed magnitude with mean square 1; grains are wider than deep."""
    from scipy.ndimage import gaussian_filter

    field = [gaussian_filter(rng.normal(size=(size, size)), (0.8, 1.5), mode="wrap") for _ in range(2)]
    magnitude = np.hypot(*field)
    return magnitude / np.sqrt((magnitude**2).mean())


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(size=shape), scale * shape[0], mode="reflect")
    return (noise - noise.mean()) / noise.std()
