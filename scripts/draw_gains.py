"""Draw what the arms of a study gained over their baselines: python scripts/draw_gains.py STUDY FIGURE.svg

STUDY is a study's file or folder, after `llm4seg study report`. One row per comparison and arm: the difference in Dice
with interval (b), which is about other cases and other trainings. The figures of docs/results.md are made by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.findings import arm_name
from nnunet_llm4seg.study.folder import open_study


class Gain(NamedTuple):
    """What an arm gained, in points of Dice."""

    label: str
    difference: float
    low: float
    high: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("figure", type=Path)
    given = parser.parse_args()
    draw(read_gains(open_study(given.study)), given.figure)
    return 0


def read_gains(study: Study) -> list[Gain]:
    """The gains in the study's report.

    Raises:
        FileNotFoundError: there is no comparison in it.
    """
    files = sorted((study.folder / "report").glob("*/comparison.json"))
    if not files:
        raise FileNotFoundError(f"{study.folder / 'report'} has no comparison; run `llm4seg study report` first")
    names = {arm_name(study, arm): arm.name for arm in study.arms}
    found = []
    for file in files:
        comparison = json.loads(file.read_text(encoding="utf-8"))
        for row in comparison["comparisons"]:
            label = f"{names[row['candidate']]} − {names[comparison['baseline']]}\n{comparison['dataset']}"
            found.append(Gain(label, *(100 * value for value in (row["difference"], *row["method"]["interval"]))))
    return found


def draw(gains: list[Gain], figure: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "gains", "font.size": 9})
    drawn, axes = plt.subplots(figsize=(7, 0.8 + 0.5 * len(gains)), layout="constrained")
    for row, gain in enumerate(gains):
        axes.plot([gain.low, gain.high], [row, row], color="#3a6ea5", linewidth=4, solid_capstyle="butt")
        axes.plot(gain.difference, row, "o", color="#12304f", markersize=7)
    axes.axvline(0, color="#777777", linewidth=1)
    axes.set_yticks(range(len(gains)), [gain.label for gain in gains])
    axes.set_ylim(len(gains) - 0.5, -0.5)
    axes.set_xlabel("difference in points of Dice, with 95 % interval (b)")
    axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(figure, metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    sys.exit(main())
