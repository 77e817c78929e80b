"""The report's plots: matplotlib figures as SVG data URIs, each drawn for a light and for a dark page."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnunet_llm4seg.evaluation.metrics import BY_NAME
from nnunet_llm4seg.evaluation.report.data_uri import data_uri

if TYPE_CHECKING:  # loaded when something is drawn: a report whose figures are kept needs none of it
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can distinguish too; the baseline is the neutral one.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442")
_INK = {"light": ("#1d2430", "#7b8494", "#d5dae2"), "dark": ("#e4e8ee", "#98a2b3", "#3a4352")}
_DOTS_DRAWN_SMALL = 150
_EPOCHS_NAMED = 10


def both_themes(draw: Callable[[Figure, str], None], width: float = 4.8, height: float = 3.4) -> dict[str, str]:
    """`draw(figure, theme)` rendered for both themes: data URIs by theme."""
    return {theme: _svg(draw, theme, width, height) for theme in _INK}


def _svg(draw: Callable[[Figure, str], None], theme: str, width: float, height: float) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink, soft, line = _INK[theme]
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "llm4seg",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": soft,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": line,
        "grid.linewidth": 0.6,
        "xtick.color": soft,
        "ytick.color": soft,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "legend.frameon": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        draw(figure, theme)
        for axes in figure.axes:
            axes.patch.set_alpha(0)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_uri(buffer.getvalue(), "image/svg+xml")


def key(names: Sequence[str]) -> dict[str, str]:
    """Colour of each arm as CSS, for the caption: a legend in a figure is too small on a phone."""
    return colours(names, "light") | {names[0]: "var(--neutral)"}


def colours(names: Sequence[str], theme: str) -> dict[str, str]:
    """Colour of each arm; the first one is the baseline."""
    rest = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names[1:])}
    return {names[0]: _INK[theme][1], **rest}


def scatter(baseline: np.ndarray, candidate: np.ndarray, metric: str) -> dict[str, str]:
    """Each case (N,): candidate over baseline."""

    def draw(figure: Figure, theme: str) -> None:
        axes = figure.add_subplot()
        axes.axline((0, 0), slope=1, color=_INK[theme][0], linewidth=1)
        axes.scatter(baseline, candidate, s=_dot(len(baseline)), color=_COLOURS[0], alpha=0.7, linewidths=0)
        low = max(0.0, float(min(baseline.min(), candidate.min())) - 0.03)
        axes.set(xlim=(low, 1.015), ylim=(low, 1.015), aspect="equal")
        axes.set(xlabel=f"baseline, {BY_NAME[metric].title}", ylabel=f"candidate, {BY_NAME[metric].title}")

    return both_themes(draw, 4.4, 4.4)


def sorted_differences(differences: np.ndarray) -> dict[str, str]:
    """Difference of each case (N,), from the largest loss to the largest gain."""

    def draw(figure: Figure, theme: str) -> None:
        axes = figure.add_subplot()
        values = 100 * np.sort(differences)
        edges = np.arange(len(values) + 1) - 0.5
        for part, colour in ((values.clip(max=0), _COLOURS[4]), (values.clip(min=0), _COLOURS[2])):
            axes.stairs(part, edges, fill=True, color=colour, linewidth=0)  # one path, not a bar for each case
        axes.axhline(values.mean(), color=_INK[theme][0], linestyle="--", linewidth=1)
        axes.annotate(
            f"mean {values.mean():+.2f}",
            (0.01, values.mean()),
            xycoords=("axes fraction", "data"),
            va="bottom",
        )
        axes.set(xlabel="cases, sorted", ylabel="candidate − baseline, points")

    return both_themes(draw)


def folds(numbers: Sequence[int], means: dict[str, np.ndarray], metric: str) -> dict[str, str]:
    """Mean of every fold, arm and run: means[arm] is (S, F)."""

    def draw(figure: Figure, theme: str) -> None:
        axes = figure.add_subplot()
        names = colours(list(means), theme)
        for i, (arm, values) in enumerate(means.items()):
            at = np.arange(len(numbers)) + 0.16 * (i - (len(means) - 1) / 2)
            for run in values:
                axes.plot(at, 100 * run, "o", color=names[arm], markersize=4, alpha=0.5)
            axes.plot(
                at,
                100 * values.mean(0),
                "_",
                color=names[arm],
                markersize=16,
                markeredgewidth=3,
            )
        axes.set_xticks(range(len(numbers)), [f"fold {number}" for number in numbers])
        axes.set_ylabel(f"mean {BY_NAME[metric].title}, points")
        axes.margins(y=0.1)

    return both_themes(draw)


def curves(by_arm: dict[str, list[dict[int, float]]], label: str, every_arm: Sequence[str]) -> dict[str, str]:
    """A value over the epochs: thin lines are single folds and runs, the thick one is their mean.

    Args:
        by_arm: value by epoch of each training, of the arms that have any.
        every_arm: of the comparison, the baseline first; so that an arm has the same colour in all figures.
    """

    def draw(figure: Figure, theme: str) -> None:
        axes = figure.add_subplot()
        names = colours(every_arm, theme)
        for arm, trainings in by_arm.items():
            for training in trainings:
                style: dict[str, Any] = {"marker": "o", "markersize": 3} if len(training) == 1 else {}
                axes.plot(*_sorted(training), color=names[arm], linewidth=0.7, alpha=0.4, **style)
            epochs = sorted(set.intersection(*map(set, trainings)))
            mean = [np.mean([training[epoch] for training in trainings]) for epoch in epochs]
            style = {"marker": "o"} if len(epochs) == 1 else {}
            axes.plot(epochs, mean, color=names[arm], linewidth=2.2, **style)
        axes.set(xlabel="epoch", ylabel=label)
        every = sorted({epoch for trainings in by_arm.values() for training in trainings for epoch in training})
        if len(every) <= _EPOCHS_NAMED:
            axes.set_xticks(every)
        else:
            from matplotlib.ticker import MaxNLocator

            axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return both_themes(draw)


def _sorted(training: dict[int, float]) -> tuple[list[int], list[float]]:
    epochs = sorted(training)
    return epochs, [training[epoch] for epoch in epochs]


def _dot(count: int) -> int:
    return 26 if count <= _DOTS_DRAWN_SMALL else 9
