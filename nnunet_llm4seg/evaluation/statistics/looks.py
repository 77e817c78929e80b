"""Levels of repeated looks at one comparison, so that all of them together claim falsely in 5 % of cases at most.

Alpha is spent as the information grows (Lan and DeMets), by default like O'Brien and Fleming: almost nothing early.
The number of looks and their times need not be planned, only the amount of information at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from nnunet_llm4seg.evaluation.statistics.decision import ALPHA
from nnunet_llm4seg.evaluation.statistics.distributions import normal_limit, normal_tail

_POINTS = 401
_NOTHING = 1e-9
_FAR = 9.0  # standard deviations


@dataclass(frozen=True)
class Look:
    """One look that was taken.

    Attributes:
        information: share of the planned information, above 0.
        level: of its test; 0 if nothing could be claimed.
    """

    information: float
    level: float


def spent(information: float, alpha: float = ALPHA) -> float:
    """Alpha that may be spent up to a share of the planned information, as O'Brien and Fleming do; half on each side.

    >>> round(spent(1.0), 3), round(spent(0.5), 4)
    (0.05, 0.0031)
    """
    share = min(information, 1.0)
    return float(4 * normal_tail(normal_limit(alpha / 4) / np.sqrt(share))) if share > 0 else 0.0


def next_level(earlier: Sequence[Look], information: float, alpha: float = ALPHA) -> float:
    """Level of the test at a look, after the looks that were taken earlier.

    The statistic of a look with the information t is taken for W(t) / sqrt(t) of a Brownian motion, which holds where
    each new run or fold adds independent information. What does not shrink with more runs (the cases) only makes looks
    more alike, and the levels safer.

    Args:
        earlier: the looks before, in their order.
        information: share of the planned information now.

    Returns:
        The level; that of an earlier look if the information is the same, 0 if nothing is left to be spent.
    """
    for look in reversed(earlier):
        if look.information == information:
            return look.level
    if any(look.information > information for look in earlier):
        return 0.0
    gone, density = 0.0, _Density.start()
    for look in earlier:
        if look.information <= density.time:  # the same data twice are one look; fewer data could claim nothing
            continue
        limit = _limit(look.level)
        gone += density.beyond(limit, look.information)
        density = density.inside(limit, look.information)
    left = spent(information, alpha) - gone
    if left < _NOTHING:
        return 0.0

    def excess(limit: float) -> float:
        return density.beyond(limit, information) - left

    if excess(_FAR) > 0:
        return 0.0
    from scipy import optimize  # takes half a second to load

    return float(2 * normal_tail(optimize.brentq(excess, 0.0, _FAR)))


def _limit(level: float) -> float:
    return min(float(normal_limit(level / 2)), _FAR) if level > 0 else _FAR


@dataclass(frozen=True)
class _Density:
    """Where the Brownian motion is at `time` if no look has claimed yet: `mass` at the `places`."""

    time: float
    places: np.ndarray
    mass: np.ndarray

    @classmethod
    def start(cls) -> _Density:
        return cls(0.0, np.zeros(1), np.ones(1))

    def beyond(self, limit: float, time: float) -> float:
        """Probability of a statistic beyond +-limit at a later time."""
        edge, step = limit * np.sqrt(time), np.sqrt(time - self.time)
        outside = special.ndtr((self.places - edge) / step) + special.ndtr((-edge - self.places) / step)
        return float(self.mass @ outside)

    def inside(self, limit: float, time: float) -> _Density:
        """The density at a later time, of what is within +-limit then."""
        edge, step = limit * np.sqrt(time), np.sqrt(time - self.time)
        places = np.linspace(-edge, edge, _POINTS)
        weights = np.full(_POINTS, places[1] - places[0])
        weights[[0, -1]] /= 2
        steps = (places[:, None] - self.places) / step
        density = np.exp(-(steps**2) / 2) / np.sqrt(2 * np.pi) / step @ self.mass
        return _Density(time, places, density * weights)
