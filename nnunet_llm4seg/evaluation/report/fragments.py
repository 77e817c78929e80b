"""Parts of a page as HTML: drawn in the page's own colours, so that they are light or dark, on paper or on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

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
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        self.ticks = [
            Tick(tick, self(tick), f"{tick:+.6g}".replace("-", "−") if abs(tick) > 1e-12 else "0")
            for tick in map(float, ticks)
            if self.low <= tick <= self.high
        ]

    def __call__(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 3)
