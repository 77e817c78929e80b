"""Cells and tables of the report. Numbers are looked up in the summary, so page and JSON cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Number:
    """A number of the summary as it is shown: looked up at `path` (keys joined by `/`), times `scale`.

    With `floor`, a value that is too small for its digits is shown as `< 0.0001`, as usual for p-values.
    """

    path: str
    scale: float = 100.0
    digits: int = 2
    signed: bool = False
    floor: bool = False

    def text(self, summary: Mapping[str, Any]) -> str:
        value: Any = summary
        for key in self.path.split("/"):
            value = value[int(key)] if isinstance(value, Sequence) else value[key]
        if value is None:
            return "–"
        if self.floor and value < 10**-self.digits:
            return f"< {10**-self.digits:.{self.digits}f}"
        sign = "+" if self.signed else ""
        shown = round(self.scale * value, self.digits) + 0.0  # no minus before a zero
        return f"{shown:{sign},.{self.digits}f}".replace("-", "−")


@dataclass(frozen=True)
class Table:
    """Columns and rows; a cell is text, a `Number`, or a tuple of both. `section` says where the page shows it."""

    section: Literal["result", "details"]
    title: str
    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    note: str = ""

    def shown(self, summary: Mapping[str, Any]) -> list[list[list[dict[str, Any]]]]:
        """Rows of cells; a cell is a list of parts, each with its text and, for numbers, path and scale."""
        return [[[part(p, summary) for p in parts(cell)] for cell in row] for row in self.rows]


def differences(at: str, scale: float = 100.0) -> list[Any]:
    return [
        Number(f"{at}/difference", scale, signed=True),
        interval(f"{at}/trained_models/interval", scale),
        interval(f"{at}/method/interval", scale),
    ]


def interval(path: str, scale: float = 100.0) -> tuple[Any, ...]:
    low, high = (Number(f"{path}/{end}", scale, signed=True) for end in (0, 1))
    return ("[", low, ", ", high, "]")


def parts(cell: Any) -> tuple[Any, ...]:
    return cell if isinstance(cell, tuple) else (cell,)


def part(part: Any, summary: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(part, Number):
        return {"text": part.text(summary), "path": part.path, "scale": part.scale, "digits": part.digits}
    return {"text": part, "path": None}


def p_value(path: str) -> Number:
    return Number(path, 1, 4, floor=True)


def short_names(arms: Iterable[str]) -> dict[str, str]:
    """TRAINER__PLANS -> the trainer alone, if no other arm has the same trainer."""
    arms = list(arms)
    trainers = [arm.split("__")[0] for arm in arms]
    return {arm: trainer if trainers.count(trainer) == 1 else arm for arm, trainer in zip(arms, trainers, strict=True)}


def look_up(summary: Mapping[str, Any], *cells: Any) -> list[dict[str, Any]]:
    """Cells one after another, with a space between them, as the value of a figure's row."""
    found: list[dict[str, Any]] = []
    for cell in cells:
        found += [part(piece, summary) for piece in (*parts(cell), " ")]
    return found[:-1]


def span(bounds: Sequence[float | None] | None, scale: float = 100.0) -> tuple[float, float] | None:
    """Both ends of an interval as they are drawn; None if one is not known."""
    if not bounds:
        return None
    low, high = bounds
    return None if low is None or high is None else (scale * low, scale * high)


def scaled(value: float | None, scale: float = 100.0) -> float:
    """A value as it is drawn; nan if it is not known."""
    return float("nan") if value is None else scale * value
