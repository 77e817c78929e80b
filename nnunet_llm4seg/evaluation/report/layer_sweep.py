"""The gain by layer, with its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nnunet_llm4seg.evaluation.report.fragments import Axis, fragment

_APART = 7.0  # percent of the width: nearer layers would overlap in their names


@dataclass(frozen=True)
class LayerGain:
    """One layer's difference to the shared baseline, and its interval, in the unit of the figure."""

    layer: int
    gain: float
    low: float
    high: float


def draw_layers(
    title: str, gains: Sequence[LayerGain], *, named: Sequence[int] = (), unit: str = "points", band: str = ""
) -> Markup:
    """Gain over layers.

    Args:
        title: what is shown, and of which arms.
        gains: of each layer that was trained.
        named: layers that the study named before it began.
        band: what the band is, in one sentence.

    >>> drawn = draw_layers("Gain", [LayerGain(0, 0.1, -1, 1), LayerGain(8, 0.4, -0.5, 1.3)], named=[8])
    >>> "named before: layer 8" in drawn
    True
    """
    ordered = sorted(gains, key=lambda gain: gain.layer)
    vertical = Axis([value for gain in ordered for value in (gain.gain, gain.low, gain.high)])
    first, last = ordered[0].layer, ordered[-1].layer

    def across(layer: int) -> float:
        return round(4 + 92 * (layer - first) / max(last - first, 1), 3)

    def up(value: float) -> float:
        return round(100 - vertical(value), 3)

    known = [gain for gain in ordered if gain.low == gain.low and gain.high == gain.high]
    edge = [(across(gain.layer), up(gain.high)) for gain in known]
    edge += [(across(gain.layer), up(gain.low)) for gain in reversed(known)]
    view = {
        "title": title,
        "unit": unit,
        "band_said": band,
        "band": _points(edge),
        "bars": [(across(gain.layer), up(gain.low), up(gain.high)) for gain in known],
        "line": _points([(across(gain.layer), up(gain.gain)) for gain in ordered]),
        "dots": [(across(gain.layer), up(gain.gain)) for gain in ordered],
        "zero": up(0.0),
        "named": [{"layer": layer, "at": across(layer)} for layer in named],
        "across": _named([(across(gain.layer), str(gain.layer)) for gain in ordered]),
        "up": [{"at": up(tick.value), "text": tick.text} for tick in vertical.ticks],
    }
    return fragment("layers", view=view)


def _named(layers: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    """Where the names of layers stand; one that has no room beside the last is omitted."""
    found: list[dict[str, Any]] = []
    for at, text in layers:
        if not found or at - found[-1]["at"] >= _APART:
            found.append({"at": at, "text": text})
    return found


def _points(found: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in found)
