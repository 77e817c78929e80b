"""Analyse a trained fold case by case and write table, arrays and figures."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnunet_llm4seg.analysis.figures import draw_case, draw_summary
from nnunet_llm4seg.analysis.fold import TrainedFold
from nnunet_llm4seg.analysis.measure import measure
from nnunet_llm4seg.analysis.recording import record
from nnunet_llm4seg.analysis.windows import lesion_window
from nnunet_llm4seg.files import written_whole

NUMBERS = ("map_iou", "map_iou_half", "map_iou_chance", "entropy", "effective_rank", "lsvr", "norm_mean", "norm_max")


def analyze(
    model_folder: Path,
    *,
    fold: int | str,
    output: Path,
    cases: Sequence[str] = (),
    device: torch.device,
    progress: Callable[[str], None] = lambda case: None,
) -> list[dict[str, Any]]:
    """Write `analysis.csv`, `summary.png`, and `cases/CASE.npz` and `cases/CASE.png` under `output`.

    Args:
        model_folder: TRAINER__PLANS__CONFIGURATION in nnUNet_results.
        cases: Training cases of the data set; by default the fold's validation cases.
        progress: Called with each case's name before it is analysed.

    Returns:
        The rows of the table: one per case and place (`before`, `after`).

    Raises:
        DatasetError, CheckpointError: see `TrainedFold`.
    """
    trained = TrainedFold.load(model_folder, fold, device)
    network = trained.network
    loaded: Iterable[tuple[str, np.ndarray, np.ndarray]]
    loaded = [(case, *trained.load_case(case)) for case in cases]  # a wrong name is found before anything is written
    if not cases:
        loaded = ((case, *trained.load_case(case)) for case in trained.validation_cases())
    rows: list[dict[str, Any]] = []
    for case, image, mask in loaded:
        progress(case)
        image, mask = lesion_window(image, mask, trained.patch_size)
        analysis = measure(case, image, mask, record(network, torch.from_numpy(image).to(device)))
        (output / "cases").mkdir(parents=True, exist_ok=True)
        with written_whole(output / "cases" / f"{case}.npz") as path, path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **analysis.arrays())
        with written_whole(output / "cases" / f"{case}.png") as path:
            draw_case(analysis, trained.spacing, path)
        rows += [{"case": case, "place": place, **found.numbers} for place, found in analysis.places.items()]
    with written_whole(output / "analysis.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with written_whole(output / "summary.png") as path:
        draw_summary(rows, path)
    return rows


def means(rows: Sequence[dict[str, Any]], place: str) -> dict[str, float]:
    """Mean of each number over the cases that have it; nan if none has."""
    result = {}
    for name in NUMBERS:
        values = [row[name] for row in rows if row["place"] == place and math.isfinite(row[name])]
        result[name] = float(np.mean(values)) if values else math.nan
    return result
