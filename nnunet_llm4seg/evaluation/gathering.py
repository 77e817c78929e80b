"""What a comparison gathers before its statistics: metrics of every run, counts, commands and versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import nnunet_llm4seg
from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation import segmentations
from nnunet_llm4seg.evaluation.arms import Arm
from nnunet_llm4seg.evaluation.design import Design
from nnunet_llm4seg.evaluation.segmentations import Labels, Measured


@dataclass(frozen=True)
class Comparison:
    """All that the report draws from: the arms (baseline first), their scores and the summary.

    `measured[arm name]` holds one `Measured` per run, over the design's slots.
    """

    arms: tuple[Arm, ...]
    design: Design
    labels: Labels
    measured: Mapping[str, list[Measured]]
    leaked: set[tuple[int, str]]
    dataset: Mapping[str, Any]
    truth: Path
    images: Path | None
    summary: dict[str, Any]

    @property
    def ending(self) -> str:
        return self.dataset["file_ending"]

    def primary(self, arm: Arm) -> np.ndarray:
        """The primary metric (S, P)."""
        metric = self.summary["primary"]
        return np.array([run.mean_over_labels(metric) for run in self.measured[arm.name]])


def measure(
    every: Sequence[Arm],
    slots: Sequence[tuple[int, str]],
    truth: Path,
    info: Mapping[str, Any],
    labels: Labels,
    tolerance: float | None,
) -> dict[str, list[Measured]]:
    ending = info["file_ending"]
    missing = sorted(case for _, case in slots if not (truth / f"{case}{ending}").is_file())
    if missing:
        raise ComparisonError(
            f"{truth}: no reference for {missing[0]!r} ({len(missing)} cases); run nnUNetv2_preprocess again."
        )
    reader = segmentations.find_reader(info, truth / f"{slots[0][1]}{ending}")
    runs = [(arm, run) for arm in every for run in arm.runs]
    pairs = [
        (run / f"fold_{fold}" / "validation" / f"{case}{ending}", truth / f"{case}{ending}")
        for _, run in runs
        for fold, case in slots
    ]
    everything = segmentations.measure_cases(pairs, reader, labels, tolerance)
    measured: dict[str, list[Measured]] = {arm.name: [] for arm in every}
    for i, (arm, _) in enumerate(runs):
        part = slice(i * len(slots), (i + 1) * len(slots))
        measured[arm.name].append(Measured(everything.values[part], everything.empty[part]))
    return measured


def copies(measured: Mapping[str, list[Measured]]) -> list[str]:
    return [
        f"{arm}: two runs predict exactly the same; if one is a copy of the other, leave it out of --runs."
        for arm, runs in measured.items()
        if any(np.array_equal(runs[i].values, runs[j].values) for i in range(len(runs)) for j in range(i))
    ]


def versions() -> dict[str, str]:
    packages = ("nnunetv2", "torch", "monai", "numpy", "scipy")
    own = {"nnunet_llm4seg": nnunet_llm4seg.__version__, "python": platform.python_version()}
    return own | {name: version(name) for name in packages}
