"""Single cases of the report: the image with the outlines of reference, baseline and candidate."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.report.data_uri import data_uri
from nnunet_llm4seg.evaluation.slices import Slice

OUTLINES = {"reference": "#ffffff", "baseline": "#56B4E9", "candidate": "#E69F00"}
_EACH = 3


def choose(baseline: np.ndarray, candidate: np.ndarray) -> dict[str, list[int]]:
    """Indices of the cases (N,) to show: the candidate's best and worst, and the most changed both ways."""
    difference = candidate - baseline
    order, changed = np.argsort(candidate, kind="stable"), np.argsort(difference, kind="stable")
    return {
        "Most improved": [int(i) for i in changed[::-1][:_EACH] if difference[i] > 0],
        "Most worsened": [int(i) for i in changed[:_EACH] if difference[i] < 0],
        "Best": [int(i) for i in order[::-1][:_EACH]],
        "Worst": [int(i) for i in order[:_EACH]],
    }


def draw_overlay(image: Path | None, shown: Slice, labels: Labels, reader: Any) -> str:
    """A PNG data URI of one case.

    Args:
        image: the case's first channel, or None if the image no longer exists; then the background is black.
        shown: the slice with its label maps.
    """
    background = np.zeros(shown.shape) if image is None else _read_image(reader, image, shown)
    return _png(background, shown.maps(), labels, shown.aspect)


def _read_image(reader: Any, path: Path, shown: Slice) -> np.ndarray:
    try:
        image = reader.read_images([str(path)])[0][0]
    except Exception:  # each reader raises errors of its own; the outlines are useful without the image
        return np.zeros(shown.shape)
    if image.size != shown.depth * np.prod(shown.shape):
        return np.zeros(shown.shape)
    return image.reshape(shown.depth, *shown.shape)[shown.index or 0]


def _png(background: np.ndarray, arrays: dict[str, np.ndarray], labels: Labels, aspect: float) -> str:
    from matplotlib.figure import Figure

    height, width = background.shape[0] * aspect, background.shape[1]
    figure = Figure(figsize=(3.0, 3.0 * height / width), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    low, high = np.percentile(background, [0.5, 99.5])
    axes.imshow(background, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), aspect=aspect)
    for name, array in arrays.items():
        for region in labels.regions.values():
            mask = np.isin(array, region)
            if mask.any() and not mask.all():
                axes.contour(
                    mask,
                    [0.5],
                    colors=OUTLINES[name],
                    linewidths=1.6,
                    linestyles="--" if name == "reference" else "-",
                )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return data_uri(buffer.getvalue())
