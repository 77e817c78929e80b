"""Dice and IoU of both arms on the held-out cases, foreground against the rest, as `llm4seg evaluate` measures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import DemoError
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.nnunet.files import read_dataset
from nnunet_llm4seg.nnunet.segmentations import find_reader, first_channel, read_segmentation

_SHOWN = ("dice", "iou")


def score(truths: Path, arms: dict[str, Path], table: Path) -> dict[str, tuple[float, float]]:
    """Score every case of `truths` (labelsTs of a raw data set) in every arm's folder, and write them to `table`.

    All labels count as one foreground.

    Returns:
        Arm -> mean Dice and mean IoU over the cases.

    Raises:
        DemoError: an arm lacks a case.
    """
    from nnunet_llm4seg.evaluation.labels import Labels
    from nnunet_llm4seg.evaluation.measuring import measure_pairs
    from nnunet_llm4seg.evaluation.metrics import NAMES

    cases = held_out_cases(truths)
    for arm, folder in arms.items():
        if missing := sorted(set(cases) - {path.name.partition(".")[0] for path in folder.glob("*")}):
            raise DemoError(f"{folder} has no prediction of {missing[0]}; remove it and run the demo again ({arm}).")
    dataset = read_dataset(truths.parent)
    ending, labels = dataset["file_ending"], Labels.from_dataset_json(dataset)
    foreground = Labels({"foreground": labels.foreground}, labels.ignore)
    keys = [(case, arm) for case in cases for arm in arms]
    pairs = [(arms[arm] / f"{case}{ending}", truths / f"{case}{ending}") for case, arm in keys]
    values = measure_pairs(pairs, find_reader(dataset, pairs[0][1]), foreground).values[:, 0]
    columns = [NAMES.index(name) for name in _SHOWN]
    with written_whole(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "arm", *_SHOWN])
        writer.writerows((*key, *(f"{row[i]:.4f}" for i in columns)) for key, row in zip(keys, values, strict=True))
    return means(table)


def read_scores(table: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """(Case, arm) -> Dice and IoU, from a written table."""
    with table.open(newline="", encoding="utf-8") as file:
        return {(row["case"], row["arm"]): (float(row["dice"]), float(row["iou"])) for row in csv.DictReader(file)}


def means(table: Path) -> dict[str, tuple[float, float]]:
    """Arm -> mean Dice and mean IoU, from a written table."""
    scores = read_scores(table)
    result = {}
    for arm in dict.fromkeys(arm for _, arm in scores):
        dice, iou = np.mean([values for (_, of), values in scores.items() if of == arm], axis=0)
        result[arm] = (float(dice), float(iou))
    return result


def held_out_cases(truths: Path) -> list[str]:
    """Names of the cases in a folder of labels."""
    ending = read_dataset(truths.parent)["file_ending"]
    return sorted(path.name.removesuffix(ending) for path in truths.glob(f"*{ending}"))


def read_mask(folder: Path, case: str, dataset: dict[str, Any]) -> np.ndarray:
    """A case's foreground as booleans of shape (slices, H, W)."""
    path = folder / f"{case}{dataset['file_ending']}"
    mask = read_segmentation(find_reader(dataset, path), path)[0] > 0
    return mask.reshape(-1, *mask.shape[-2:])


def read_image(images: Path, case: str, dataset: dict[str, Any]) -> np.ndarray:
    """A case's first channel, shape (slices, H, W)."""
    path = first_channel(images, case, dataset["file_ending"])
    return find_reader(dataset, path).read_images([str(path)])[0][0]
