"""Figures of an analysis: one per case, and the distributions over cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnunet_llm4seg.analysis.maps import area_matched
from nnunet_llm4seg.analysis.measure import CaseAnalysis

COLOURS = {"before": "#4477aa", "after": "#ee6677"}
_PANELS = {
    "map_iou_gain": "IoU of map and mask, above other cases' maps",
    "effective_rank": "effective rank exp(H)",
    "lsvr": "LSVR = -ln(s1 / sum s)",
    "norm_mean": "mean token norm",
}


def draw_case(analysis: CaseAnalysis, spacing: Sequence[float], path: Path) -> None:
    """Draw one case: image, activation maps and attention; a volume in three orthogonal slices through the mask.

    Args:
        spacing: Millimetres along the axes of the patch.
        path: PNG file to write.
    """
    planes = _planes(analysis.mask)
    columns = 1 + len(analysis.places) + len(analysis.queries)
    figure = Figure(figsize=(2.6 * columns, 2.6 * len(planes) + 0.7), layout="constrained")
    axes = figure.subplots(len(planes), columns, squeeze=False)
    heads: Any = [] if analysis.attention is None else analysis.attention
    attention = {
        name: _enlarged(heads[i].mean(0).reshape(analysis.places["before"].norms.shape), analysis.mask)
        for i, name in enumerate(analysis.queries)
    }
    for row, (label, cut) in enumerate(planes.items()):
        kept = [spacing[axis] for axis, index in enumerate(cut) if isinstance(index, slice)]
        look = {"aspect": kept[0] / kept[1]}
        picture, mask = analysis.image[0][cut], analysis.mask[cut]
        panels = iter(axes[row])
        axis = next(panels)
        axis.imshow(picture, cmap="gray", **look)
        _outline(axis, mask, "#33dd55")
        axis.set_ylabel(label)
        axis.set_title("image, mask green" if row == 0 else "", fontsize=9)
        for name, place in analysis.places.items():
            axis = next(panels)
            axis.imshow(picture, cmap="gray", **look)
            axis.imshow(place.heat[cut], cmap="inferno", alpha=0.65, vmin=0, vmax=1, **look)
            _outline(axis, mask, "#33dd55")
            if analysis.mask.any():
                _outline(axis, area_matched(place.heat, analysis.mask)[cut], "white")
            axis.set_title(_title(name, place.numbers) if row == 0 else "", fontsize=9)
        for name, heat in attention.items():
            axis = next(panels)
            axis.imshow(heat[cut], cmap="viridis", vmin=0, vmax=heat.max(), **look)
            _outline(axis, mask, "#33dd55")
            _outline(axis, _cell(analysis, name)[cut], "red")
            index = ", ".join(map(str, analysis.queries[name]))
            title = f"attention of the {name} token\n({index}), red; at most {heat.max():.2f}"
            axis.set_title(title if row == 0 else "", fontsize=9)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    figure.suptitle(analysis.case, fontsize=10)
    figure.savefig(path, format="png", dpi=110)


def draw_summary(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the distribution of each number over cases, before and after the LLM layer, with its mean."""
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    places = list(dict.fromkeys(row["place"] for row in rows))
    for axis, (key, title) in zip(figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True):
        for x, place in enumerate(places):
            values = np.array([row[key] for row in rows if row["place"] == place], float)
            values = values[np.isfinite(values)]
            spread = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(len(values))
            axis.scatter(x + spread, values, s=10, color=COLOURS[place], alpha=0.6, linewidths=0)
            if len(values):
                axis.hlines(values.mean(), x - 0.25, x + 0.25, color="black", linewidth=1.5)
                note = {"xytext": (16, 3), "textcoords": "offset points", "fontsize": 8}
                axis.annotate(f"{values.mean():.3g}", (x, values.mean()), **note)
        axis.set_xticks(range(len(places)), places)
        axis.set_xlim(-0.6, len(places) - 0.2)
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=110)


def _planes(mask: np.ndarray) -> dict[str, tuple]:
    """Label -> index of each slice to draw: the whole image in 2D, else one slice per axis through the mask."""
    if mask.ndim == 2:
        return {"": (slice(None), slice(None))}
    centre = np.argwhere(mask).mean(0) if mask.any() else np.array(mask.shape) / 2
    planes = {}
    for axis, name in enumerate("zyx"):
        index: list[Any] = [slice(None)] * 3
        index[axis] = int(centre[axis])
        planes[f"{name} = {index[axis]}"] = tuple(index)
    return planes


def _enlarged(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Values on the grid at the size of the patch, each cell in one colour."""
    for axis, size in enumerate(mask.shape):
        values = values.take(np.arange(size) * values.shape[axis] // size, axis=axis)
    return values


def _cell(analysis: CaseAnalysis, query: str) -> np.ndarray:
    """The part of the patch that a query token represents, (*patch), boolean."""
    alone = np.zeros(analysis.places["before"].norms.shape, bool)
    alone[analysis.queries[query]] = True
    return _enlarged(alone, analysis.mask)


def _outline(axis: Axes, mask: np.ndarray, colour: str) -> None:
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=[colour], linewidths=1)


def _title(place: str, numbers: Mapping[str, Any]) -> str:
    return f"{place}: IoU {numbers['map_iou']:.2f} (white)\nexp(H) {numbers['effective_rank']:.2f}"
