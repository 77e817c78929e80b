"""Dice and IoU of both arms on the held-out cases: the plain definition, foreground against the rest."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from nnunet_llm4seg.errors import DemoError
from nnunet_llm4seg.files import written_whole


def overlap(truth: np.ndarray, prediction: np.ndarray) -> tuple[float, float]:
    """Dice and IoU of two masks; 1 if both are empty."""
    both, either = int((truth & prediction).sum()), int((truth | prediction).sum())
    return (2 * both / (both + either), both / either) if either else (1.0, 1.0)


def score(truths: Path, arms: dict[str, Path], table: Path) -> dict[str, tuple[float, float]]:
    """Score every case of `truths` (labelsTs of a raw data set) in every arm's folder, and write them to `table`.

    All labels count as one foreground.

    Returns:
        Arm -> mean Dice and mean IoU over the cases.

    Raises:
        DemoError: an arm lacks a case.
    """
    cases = held_out_cases(truths)
    for arm, folder in arms.items():
        if missing := sorted(set(cases) - {path.name.partition(".")[0] for path in folder.glob("*")}):
            raise DemoError(f"{folder} has no prediction of {missing[0]}; remove it and run the demo again ({arm}).")
    rows = []
    for case in cases:
        truth = read_mask(truths, case)
        for arm, folder in arms.items():
            rows.append((case, arm, *overlap(truth, read_mask(folder, case, truths))))
    with written_whole(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "arm", "dice", "iou"])
        writer.writerows((case, arm, f"{dice:.4f}", f"{iou:.4f}") for case, arm, dice, iou in rows)
    return means(table)


def means(table: Path) -> dict[str, tuple[float, float]]:
    """Arm -> mean Dice and mean IoU, from a written table."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    arms = dict.fromkeys(row["arm"] for row in rows)
    return {
        arm: tuple(
            float(np.mean([float(row[metric]) for row in rows if row["arm"] == arm])) for metric in ("dice", "iou")
        )
        for arm in arms
    }


def held_out_cases(truths: Path) -> list[str]:
    """Names of the cases in a folder of labels."""
    ending = _description(truths)["file_ending"]
    return sorted(path.name.removesuffix(ending) for path in truths.glob(f"*{ending}"))


def read_mask(folder: Path, case: str, truths: Path | None = None) -> np.ndarray:
    """A case's foreground as booleans of shape (slices, H, W), read with nnU-Net's own reader."""
    description = _description(truths or folder)
    path = folder / f"{case}{description['file_ending']}"
    return _reader(description, path).read_seg(str(path))[0][0] > 0


def read_image(images: Path, case: str) -> np.ndarray:
    """A case's first channel, shape (slices, H, W)."""
    description = _description(images)
    path = images / f"{case}_0000{description['file_ending']}"
    return _reader(description, path).read_images([str(path)])[0][0]


def _description(part: Path) -> dict:
    return json.loads((part.parent / "dataset.json").read_text(encoding="utf-8"))


def _reader(description: dict, example: Path):
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

    return determine_reader_writer_from_dataset_json(description, str(example), verbose=False)()
