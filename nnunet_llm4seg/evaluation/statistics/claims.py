"""What may and what may not be claimed, as a verdict and as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME

ALPHA = 0.05


def verdict(comparison: Mapping[str, Any]) -> str:
    """`better`, `worse`, `open` (no claim) or `none` (no interval for the method exists).

    Better and worse need both: interval (b) excludes zero, and Holm's adjusted p is below 0.05.
    """
    method = comparison["method"]
    low, high = method["interval"]
    if low != low:
        return "none"
    if method["p_holm"] < ALPHA and (low > 0 or high < 0):
        return "better" if low > 0 else "worse"
    return "open"


def claim(comparison: Mapping[str, Any], metric: str) -> str:
    """One sentence that says what may and what may not be claimed of one candidate."""
    method, name = comparison["method"], comparison["candidate"]
    difference = f"{signed(comparison['difference'])} points of {BY_NAME[metric].title}"
    result, ends = verdict(comparison), []
    if result == "none":
        return (
            f"No claim about the methods can be made: {name} differs by {difference} on these cases, but one"
            " fold with one run shows nothing of how much training varies; train more folds or runs."
        )
    difference += f", 95 % interval for the method {bracket(method['interval'])}"
    if result == "open":
        low, high = comparison["trained_models"]["interval"]
        start = f"It cannot be claimed that {name} is better or worse than the baseline: {difference}"
        if method["interval"][0] > 0 or method["interval"][1] < 0:
            ends.append("its interval excludes zero, but not after Holm's adjustment for several candidates")
        elif low > 0 or high < 0:
            ends.append("these trained models do differ on such cases, which may be the luck of these runs")
        smallest = comparison["power"]["smallest_difference"]
        ends.append(f"with 80 % power these cases and runs could have shown {points(smallest)} points")
    else:
        start = f"On this data set and these splits {name} is {result} than the baseline: {difference}"
    if method["rule"] == "folds":
        ends.append("with one run per arm the luck of the seed cannot be excluded")
        low, high = method["interval_correlated"]
        if result != "open" and low <= 0 <= high:
            ends.append("corrected for folds that share training cases, the interval contains zero")
    elif result != "open":
        low, high = method["interval_over_folds"]
        if low <= 0 <= high:
            ends.append("over other training sets, by a t test over folds, the interval contains zero")
    return "; ".join([start, *ends]) + "."


def points(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.2f}"


def signed(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def bracket(interval: list[float]) -> str:
    unknown = any(bound != bound for bound in interval)
    return "[–, –]" if unknown else f"[{signed(interval[0])}, {signed(interval[1])}]"
