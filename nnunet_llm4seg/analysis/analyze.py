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
from nnunet_llm4seg.analysis.maps import iou_of_others
from nnunet_llm4seg.analysis.measure import measure
from nnunet_llm4seg.analysis.recording import record
from nnunet_llm4seg.analysis.windows import lesion_window
from nnunet_llm4seg.files import written_whole

NUMBERS = (
    *("map_iou", "map_iou_others", "map_iou_gain", "map_iou_half", "map_iou_chance"),
    *("entropy", "effective_rank", "effective_rank_centred", "lsvr", "norm_mean", "norm_max"),
)
_OTHERS = 16  # maps of other cases that are kept in memory


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
    _add_others(rows, output / "cases")
    with written_whole(output / "analysis.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with written_whole(output / "summary.png") as path:
        draw_summary(rows, path)
    return rows


def _add_others(rows: list[dict[str, Any]], folder: Path) -> None:
    """Add `map_iou_others`, what the maps of up to 16 other cases reach with the case's mask, and the difference."""
    for place in dict.fromkeys(row["place"] for row in rows):
        here = [row for row in rows if row["place"] == place]
        known = [i for i, row in enumerate(here) if math.isfinite(row["map_iou"])]
        kept = {known[i] for i in np.linspace(0, len(known) - 1, min(_OTHERS, len(known))).astype(int)}
        heats = {i: _array(folder, here[i], f"map_{place}") for i in sorted(kept)}
        for i, row in enumerate(here):
            others = [heat for j, heat in heats.items() if j != i]
            row["map_iou_others"] = iou_of_others(_array(folder, row, "mask"), others)
            row["map_iou_gain"] = row["map_iou"] - row["map_iou_others"]


def _array(folder: Path, row: dict[str, Any], name: str) -> np.ndarray:
    with np.load(folder / f"{row['case']}.npz", allow_pickle=False) as arrays:
        return arrays[name]


def means(rows: Sequence[dict[str, Any]], place: str) -> dict[str, float]:
    """Mean of each number over the cases that have it; nan if none has."""
    result = {}
    for name in NUMBERS:
        values = [row[name] for row in rows if row["place"] == place and math.isfinite(row[name])]
        result[name] = float(np.mean(values)) if values else math.nan
    return result
