"""The scores of a comparison, read again from the per_case.csv that `compare` has written."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.evaluation.statistics.slots import Slots

PRIMARY = "dice"


@dataclass(frozen=True)
class Scores:
    """Scores of all arms of one comparison.

    Attributes:
        arms: by TRAINER__PLANS, the mean over labels of each case's Dice (S, P), from 0 to 1.
        leaked: number of cases that are omitted, because a near-duplicate, or the same patient, is in their fold's
            training set.
    """

    slots: Slots
    arms: dict[str, np.ndarray]
    leaked: int


def read_scores(path: Path) -> Scores:
    """Read a per_case.csv.

    Raises:
        StudyError: it cannot be read, or rows are missing.
    """
    by_slot: dict[str, dict[tuple[int, int, str], list[float]]] = {}
    clusters: dict[str, str] = {}
    leaked: set[tuple[int, str]] = set()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                place = int(row["run"]), int(row["fold"]), row["case"]
                by_slot.setdefault(row["arm"], {}).setdefault(place, []).append(float(row[PRIMARY]))
                clusters[row["case"]] = row["cluster"]
                leaked |= {place[1:]} if row["leaked"] == "1" else set()
        validated = sorted({(fold, case) for of_arm in by_slot.values() for _, fold, case in of_arm})
        arms = {
            name: np.array(
                [
                    [np.mean(of_arm[run, fold, case]) for fold, case in validated]
                    for run in sorted({run for run, _, _ in of_arm})
                ]
            )
            for name, of_arm in by_slot.items()
        }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise StudyError(f"{path} cannot be read ({error!r}); delete it, and make the report again.") from error
    every = Slots(tuple(fold for fold, _ in validated), tuple(case for _, case in validated), clusters)
    slots, kept = every.without(leaked)
    return Scores(slots, {name: of_arm[:, kept] for name, of_arm in arms.items()}, len({case for _, case in leaked}))
