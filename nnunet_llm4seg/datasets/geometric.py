"""Made data sets on which geometry alone decides: is a layer's gain about language, or about seeing far?

Objects and background have one texture each, so that no pixel, and no single object, says what is foreground:

- `larger-disc`: the larger of two discs; `larger-disc-3d`: the larger of two balls;
- `closed-contour`: the inside of the one closed contour among open ones;
- `broken-line`: the disc to which a dashed line leads from a square; lines without a square lead to the other discs.

`hard` puts what must be compared at least a third of the image apart, or around a large contour, so that a small
receptive field does not contain it; `easy` puts it close together. Means over the image, which z-scores and instance
norms bring to every pixel, say how large both discs are together, but not to which disc a line leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.label_table import BACKGROUND
from nnunet_llm4seg.datasets.options import ConversionOptions
from nnunet_llm4seg.errors import ConfigError, nearest

EASY, HARD = "easy", "hard"
FEWEST = 5  # cases: one per fold
# of 256 grey values; noise is uniform and less than half of the contrast, so that objects remain separable
_LEVEL, _CONTRAST, _NOISE = (80, 110), (60, 90), 25
_STROKE = 0.016  # half the width of lines; this and all other lengths below are shares of the image's side

# a case's objects and its foreground, both bool of shape (size,) * dimensions
Drawing = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Task:
    """One kind of data set.

    Attributes:
        name: Of the data set, without its difficulty.
        draw: Takes a generator, the coordinates of the pixels' centres, each in 0..1, and whether the case is hard.
        dimensions: 2 or 3.
        sizes: Smallest and largest side in pixels; smaller discs and gaps would vanish.
    """

    name: str
    draw: Callable[[np.random.Generator, list[np.ndarray], bool], Drawing]
    dimensions: int = 2
    sizes: tuple[int, int] = (64, 1024)


def make_case(task: str, *, size: int, seed: int, number: int, hard: bool) -> tuple[np.ndarray, np.ndarray]:
    """Image and label (0 or 1) of a case, both uint8 of shape (size,) * dimensions; equal arguments, equal arrays."""
    rng = np.random.default_rng([seed, number])
    known = TASKS[task]
    centres = (np.arange(size) + 0.5) / size
    grid = np.meshgrid(*[centres] * known.dimensions, indexing="ij")
    objects, foreground = known.draw(rng, list(grid), hard)
    level, contrast = rng.uniform(*_LEVEL), rng.uniform(*_CONTRAST)
    image = level + contrast * objects + rng.uniform(-_NOISE, _NOISE, objects.shape)
    return image.astype(np.uint8), foreground.astype(np.uint8)


def make_geometric(task: str, options: ConversionOptions, folder: Path) -> Path:
    """Write a data set's files for `read_geometric` into a new folder in `folder`, which is returned.

    Raises:
        ConfigError: the task or the difficulty does not exist, or a number is not allowed.
    """
    if task not in TASKS:
        raise ConfigError(f"SOURCE: there is no geometric task {task!r}{nearest(task, TASKS)}")
    known, size, difficulty = TASKS[task], options.size, options.difficulty or HARD
    low, high = known.sizes
    if size is None or not low <= size <= high:
        given = "is missing" if size is None else f"{size} is not allowed for {task}"
        raise ConfigError(f"--size {given}; give the side in pixels, {low} to {high}.")
    if options.cases is None or options.cases < FEWEST:
        given = "is missing" if options.cases is None else f"{options.cases} is not allowed"
        raise ConfigError(f"--cases {given}; five folds need at least {FEWEST}, and 100 are a good number.")
    if options.splits.seed < 0:
        raise ConfigError(f"--seed {options.splits.seed} is not allowed; give a whole number of at least 0.")
    if difficulty not in (EASY, HARD):
        raise ConfigError(f"--difficulty: there is no {difficulty!r}{nearest(difficulty, (EASY, HARD))}")
    made = folder / (known.name + difficulty.capitalize())
    for part in ("images", "masks"):
        (made / part).mkdir(parents=True)
    for number in range(options.cases):
        seed, hard = options.splits.seed, difficulty == HARD
        image, label = make_case(task, size=size, seed=seed, number=number, hard=hard)
        name = f"{task}_{number:04d}"
        _save(image, made / "images" / name)
        _save(label, made / "masks" / name)
    return made


def read_geometric(source: Path) -> SourceDataset:
    """The files that `make_geometric` has written."""
    images = sorted((source / "images").iterdir())
    volumes = images[0].suffix == ".nii"
    return SourceDataset(
        name=source.name,
        list_folders=(),
        cases=[Case(name=path.stem, images=(path,), masks=(source / "masks" / path.name,)) for path in images],
        labels={BACKGROUND: 0, "foreground": 1},
        channels=("zscore",) if volumes else None,
    )


def _save(pixels: np.ndarray, path: Path) -> None:
    if pixels.ndim == 2:
        from PIL import Image

        Image.fromarray(pixels).save(path.with_name(f"{path.name}.png"))
    else:
        import nibabel

        nibabel.save(nibabel.Nifti1Image(pixels, np.eye(4)), path.with_name(f"{path.name}.nii"))


def _larger_disc(rng: np.random.Generator, grid: list[np.ndarray], hard: bool) -> Drawing:
    """Radii overlap widely between images, so that a disc alone does not say whether it is the larger one."""
    small = 0.05 * 3 ** rng.uniform()
    radii = small, small * rng.uniform(1.3, 1.5)
    low, high = (0.35, np.inf) if hard else (0.03, 0.1)  # between the rims
    while True:
        centres = [rng.uniform(radius + 0.02, 0.98 - radius, len(grid)) for radius in radii]
        if low <= np.linalg.norm(centres[0] - centres[1]) - sum(radii) <= high:
            break
    smaller, larger = (_ball(grid, centre, radius) for centre, radius in zip(centres, radii, strict=True))
    return smaller | larger, larger


def _closed_contour(rng: np.random.Generator, grid: list[np.ndarray], hard: bool) -> Drawing:
    """Contours in the cells of a grid; each open one has one gap, which may be on the far side of its inside."""
    cells, most, radii = (2, 4, (0.16, 0.19)) if hard else (3, 6, (0.09, 0.115))
    chosen = rng.permutation(cells**2)[: rng.integers(most - 1, most + 1)]
    objects: np.ndarray = np.zeros_like(grid[0], dtype=bool)
    inside = objects
    for number, cell in enumerate(chosen):
        radius = rng.uniform(*radii)
        jitter = max(0.0, 0.5 / cells - 1.16 * radius - 2 * _STROKE)
        centre = (np.array(divmod(cell, cells)) + 0.5) / cells + rng.uniform(-jitter, jitter, 2)
        down, right = (axis - place for axis, place in zip(grid, centre, strict=True))
        angle, distance = np.arctan2(down, right), np.hypot(down, right)
        phases = rng.uniform(0, 2 * np.pi, 2)
        outline = radius * (1 + 0.1 * np.sin(2 * angle + phases[0]) + 0.06 * np.sin(3 * angle + phases[1]))
        contour = np.abs(distance - outline) <= _STROKE
        turned = np.abs(np.angle(np.exp(1j * (angle - rng.uniform(-np.pi, np.pi)))))
        width = rng.uniform(0.08, 0.1)
        if number:
            contour &= turned * outline > width / 2
        else:
            inside = distance < outline - _STROKE
        objects = objects | contour
    return objects, inside


def _broken_line(rng: np.random.Generator, grid: list[np.ndarray], hard: bool) -> Drawing:
    """Three lines side by side: each has a disc at one end, and one of them the square at the other."""
    length, most = (rng.uniform(0.55, 0.62), 0.26) if hard else (rng.uniform(0.26, 0.3), 0.1)
    left, shift, wave = rng.uniform(0.12, 0.88 - length), rng.uniform(-most, most), rng.uniform(-0.03, 0.03)
    along = np.linspace(0, 1, 1000)
    bend = shift * (3 * along**2 - 2 * along**3 - 0.5) + wave * np.sin(2 * np.pi * along)
    chosen = rng.integers(3)
    objects: np.ndarray = np.zeros_like(grid[0], dtype=bool)
    foreground = objects
    for number in range(3):
        rows, columns = 0.25 * (number + 1) + rng.uniform(-0.015, 0.015) + bend, left + length * along
        disc = _ball(grid, np.array([rows[0], columns[0]]), 0.06)
        objects = objects | disc | _dashes(grid, rows, columns)
        if number == chosen:
            foreground = disc
            objects |= np.maximum(np.abs(grid[0] - rows[-1]), np.abs(grid[1] - columns[-1])) <= 0.035
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    objects, foreground = (np.rot90(each.T if mirrored else each, turns) for each in (objects, foreground))
    return objects, foreground


def _dashes(grid: list[np.ndarray], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A dashed line along a path; it begins and ends with a dash, beside what is at the path's ends."""
    from scipy.ndimage import distance_transform_edt

    dash, gap, size = 0.045, 0.08, len(grid[0])
    passed = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(rows), np.diff(columns)))])
    start, end = 0.06 + 0.045, passed[-1] - 0.035 - 0.045
    period = (end - start + gap) / max(1, round((end - start + gap) / (dash + gap)))
    drawn = (passed >= start) & (passed <= end) & ((passed - start) % period <= period - gap)
    missing = np.ones(grid[0].shape, dtype=bool)
    missing[(rows[drawn] * size).astype(int), (columns[drawn] * size).astype(int)] = False
    return distance_transform_edt(missing) <= _STROKE * size


def _ball(grid: list[np.ndarray], centre: np.ndarray, radius: float) -> np.ndarray:
    return sum((axis - place) ** 2 for axis, place in zip(grid, centre, strict=True)) <= radius**2


TASKS = {
    "larger-disc": Task("LargerDisc", _larger_disc),
    "larger-disc-3d": Task("LargerDisc3D", _larger_disc, dimensions=3, sizes=(32, 128)),
    "closed-contour": Task("ClosedContour", _closed_contour),
    "broken-line": Task("BrokenLine", _broken_line),
}
