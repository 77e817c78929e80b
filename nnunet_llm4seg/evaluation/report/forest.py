"""Forest plots: differences with their intervals, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import Markup

from nnunet_llm4seg.evaluation.report.fragments import Axis, Parts, fragment, words

Span = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One row of a forest plot, all values in the unit of the plot.

    Attributes:
        label: what the row is about.
        estimate: the difference.
        interval: drawn thick; None or nan: not drawn.
        also: a second interval, drawn thin.
        value: what is written beside it; by default estimate and interval.
        kind: a point, or the diamond of an average, as wide as its interval.
        noise: as that of the plot, where rows differ in it.
        strong: whether its label is bold.
    """

    label: str
    estimate: float
    interval: Span | None = None
    also: Span | None = None
    value: Parts = ()
    kind: Literal["point", "diamond"] = "point"
    noise: float | None = None
    strong: bool = False

    @property
    def shown(self) -> Parts:
        return self.value or words(f"{_signed(self.estimate)} {_bracket(self.interval)}".strip())


@dataclass(frozen=True)
class Forest:
    """A forest plot.

    Attributes:
        title: what is shown; its caption names the arms.
        rows: from top to bottom.
        unit: of the values, below the axis.
        ends: what a negative and a positive value mean.
        noise: half the width of the band that the baseline's own runs fill; None: not drawn.
        target: a value that was aimed at.
        key: sentences that explain thick, thin, band and dashes.
    """

    title: str
    rows: Sequence[Row]
    unit: str = "points"
    ends: tuple[str, str] = ("baseline better", "candidate better")
    noise: float | None = None
    target: float | None = None
    key: Sequence[str] = field(default_factory=tuple)


def draw_forest(forest: Forest, hero: bool = False) -> Markup:
    """The plot as HTML; `hero`: the page's main figure.

    >>> drawn = draw_forest(Forest("A against B", [Row("Dice", 1.0, (-0.5, 2.5))]))
    >>> "+1.00 [−0.50, +2.50]" in drawn
    True
    """
    noises = [noise for noise in (forest.noise, *(row.noise for row in forest.rows)) if noise is not None]
    extra = [forest.target or 0.0, *noises, *(-noise for noise in noises)]
    spans = [span for row in forest.rows for span in (row.interval, row.also) if _known(span)]
    axis = Axis([*extra, *(row.estimate for row in forest.rows), *(end for span in spans for end in span or ())])
    view: dict[str, Any] = {
        "title": forest.title,
        "unit": forest.unit,
        "ends": forest.ends,
        "key": forest.key,
        "ticks": axis.ticks,
        "zero": axis(0.0),
        "target": None if forest.target is None else axis(forest.target),
        "rows": [_row(row, axis, forest.noise) for row in forest.rows],
        "hero": hero,
    }
    return fragment("forest", view=view)


def _row(row: Row, axis: Axis, of_all: float | None) -> dict[str, Any]:
    known = row.estimate == row.estimate
    noise = of_all if row.noise is None else row.noise
    return {
        "label": row.label,
        "value": row.shown,
        "strong": row.strong or row.kind == "diamond",
        "kind": row.kind,
        "at": axis(row.estimate) if known else None,
        "noise": None if noise is None else (axis(-noise), axis(noise)),
        "thick": _ends(row.interval, axis),
        "thin": _ends(row.also, axis),
    }


def _ends(span: Span | None, axis: Axis) -> Span | None:
    return (axis(span[0]), axis(span[1])) if span is not None and _known(span) else None


def _known(span: Span | None) -> bool:
    return span is not None and all(end == end and abs(end) != float("inf") for end in span)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if value == value else "–"


def _bracket(span: Span | None) -> str:
    return f"[{_signed(span[0])}, {_signed(span[1])}]" if span is not None and _known(span) else ""
