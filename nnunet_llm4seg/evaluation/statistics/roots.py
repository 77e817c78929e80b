"""The root of a function between two values; scipy.optimize has more, but takes half a second to load."""

from __future__ import annotations

from collections.abc import Callable

_ROUNDS = 200
_EXACT = 1e-12


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a continuous function is zero between two values at which its signs differ, to 1e-12 of their distance.

    By the secant of both ends, of which the one that stays counts half (the Illinois rule), so that both move.

    Raises:
        ValueError: the signs do not differ, or a value is nan.

    >>> round(root(lambda x: x * x - 2, 0.0, 2.0), 9)
    1.414213562
    """
    at_low, at_high = function(low), function(high)
    if not at_low * at_high <= 0:
        raise ValueError(f"the function is {at_low} at {low} and {at_high} at {high}: no sign changes")
    if at_low == 0:
        return low
    near = _EXACT * abs(high - low)
    for _ in range(_ROUNDS):
        if at_high == 0:
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        step, found = abs(middle - high), function(middle)
        if found != found:
            raise ValueError(f"the function is nan at {middle}")
        if found * at_high < 0:
            low, at_low = high, at_high
        else:
            at_low /= 2
        high, at_high = middle, found
        if step <= near:
            break
    return high
