"""Parts of a page as HTML: drawn in the page's own colours, so that they are light or dark, on paper or on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

Parts = Sequence[dict[str, Any]]
_MARGIN = 0.04


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; everything that is not `Markup` is escaped."""
    made = Environment(
        loader=PackageLoader("nnunet_llm4seg.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = lambda text: text.replace("__", "__\u200b")  # arm names can be long
    return made


def fragment(macro: str, **values: Any) -> Markup:
    """One macro of `figures.html.j2`, with its arguments."""
    module = environment().get_template("figures.html.j2").module
    return Markup(getattr(module, macro)(**values))


def page(title: str, parts: Sequence[tuple[str, Markup]]) -> str:
    """A page of its own, in the report's style: heading and fragment, in this order.

    Args:
        title: of the page.
        parts: a heading, which may be empty, and what is shown below it.
    """
    return environment().get_template("fragments.html.j2").render(title=title, parts=parts)


def words(text: str) -> Parts:
    """Text as a cell that contains no number of comparison.json."""
    return [{"text": text, "path": None}]


class Tick(NamedTuple):
    """A value, where it is in percent, and how it is written."""

    value: float
    at: float
    text: str


class Axis:
    """From values to percent of a figure's width, with round ticks."""

    def __init__(self, values: Sequence[float]) -> None:
        known = [value for value in values if value == value and abs(value) != float("inf")]
        low, high = min([0.0, *known]), max([0.0, *known])
        if low == high:
            low, high = -1.0, 1.0
        space = _MARGIN * (high - low)
        self.low, self.high = low - space, high + space
        self.ticks = [
            Tick(tick, self(tick), f"{tick:+.6g}".replace("-", "−") if tick else "0")
            for tick in _round_values(self.low, self.high)
        ]

    def __call__(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 3)


def _round_values(low: float, high: float) -> list[float]:
    """Multiples of the smallest round step that is at least a fifth of the whole: one to six of them."""
    least = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= least * (1 - 1e-9))
    return [step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
