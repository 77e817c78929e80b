"""One picture: image, reference and both arms for a few held-out cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.demo.scores import read_image, read_mask, read_scores
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.nnunet.files import read_dataset
from nnunet_llm4seg.nnunet.names import HELD_OUT_IMAGES, HELD_OUT_LABELS

_TRUTH, _ARM = "#2ca02c", "#ff7f0e"


def draw(dataset: Path, arms: dict[str, Path], cases: list[str], scores: Path, caption: str, path: Path) -> None:
    """Draw one row per case: the image, its reference (green), and every arm (orange over the reference's outline).

    For a volume, the slice with the most foreground is shown.

    Args:
        dataset: Raw data set with imagesTs and labelsTs.
        arms: Title -> folder with predictions.
        cases: Names of cases.
        scores: The table of all arms' scores.
        caption: A sentence above the rows.
        path: A .png file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    description, dice = read_dataset(dataset), read_scores(scores)
    columns = 2 + len(arms)
    figure = Figure(figsize=(2.3 * columns, 2.35 * len(cases) + 0.7), layout="constrained")
    figure.suptitle(caption, fontsize=9)
    axes = figure.subplots(len(cases), columns, squeeze=False)
    for row, case in zip(axes, cases, strict=True):
        truth = read_mask(dataset / HELD_OUT_LABELS, case, description)
        chosen = int(truth.sum(axis=(1, 2)).argmax())
        image = read_image(dataset / HELD_OUT_IMAGES, case, description)[chosen]
        for panel in row:
            panel.imshow(image, cmap="gray")
            panel.set_xticks([])
            panel.set_yticks([])
        row[0].set_ylabel(case, fontsize=8)
        _outline(row[1], truth[chosen], _TRUTH)
        for panel, (arm, folder) in zip(row[2:], arms.items(), strict=True):
            prediction = read_mask(folder, case, description)
            _outline(panel, truth[chosen], _TRUTH, width=0.7)
            _outline(panel, prediction[chosen], _ARM)
            panel.set_xlabel(f"Dice {dice[case, arm][0]:.2f}", fontsize=8)
    for panel, title in zip(axes[0], ["image", "truth", *arms], strict=True):
        panel.set_title(title, fontsize=10)
    with written_whole(path) as temporary:
        FigureCanvasAgg(figure).print_png(str(temporary))


def _outline(panel: Any, mask: np.ndarray, colour: str, width: float = 1.6) -> None:
    if mask.any() and not mask.all():
        panel.contour(mask, levels=[0.5], colors=[colour], linewidths=[width])
