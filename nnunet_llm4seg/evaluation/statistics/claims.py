"""What may and what may not be claimed about a candidate, in one sentence."""

from __future__ import annotations

from nnunet_llm4seg.evaluation.metrics import BY_NAME
from nnunet_llm4seg.evaluation.statistics.records import PairResult

_START = {
    "better": "On this data set and these splits {name} is better than the baseline: {difference}",
    "worse": "On this data set and these splits {name} is worse than the baseline: {difference}",
    "open": "It cannot be claimed that {name} is better or worse than the baseline: {difference}",
}


def claim(pair: PairResult, metric: str, *, runs: tuple[int, int], leaked: int = 0, cases: int = 0) -> str:
    """The sentence for one candidate, from its verdict.

    Args:
        metric: the primary metric.
        runs: of the candidate and of the baseline.
        leaked: number of cases with a near-duplicate, or the same patient, in their fold's training set.
        cases: number of all cases.
    """
    name, verdict = pair["candidate"], pair["verdict"]
    difference = f"{signed(pair['difference'])} points of {BY_NAME[metric].title}"
    if leaked and pair.get("without_leaks") is None:
        return (
            f"No claim about the methods can be made: {name} differs by {difference}, but {leaked} of {cases} cases"
            " have a near-duplicate or an image of the same patient in their fold's training set, and too few are left"
            " without them; make splits by groups and train again."
        )
    if verdict == "none":
        return (
            f"No claim about the methods can be made: {name} differs by {difference} on these cases, but one"
            f" fold with one run {_single(runs, name)} shows nothing of how much training varies; train more folds or"
            " runs."
        )
    method = pair["method"]
    difference += f", 95 % interval for the method {bracket(method['interval'])}"
    ends = _limits(pair, runs)
    if leaked:
        ends.append(_without_leaks(pair, leaked, cases))
    if verdict in ("ahead", "behind"):
        where = "on one split"
        if method["rule"] == "folds":
            where = (
                "in one run per arm" if runs == (1, 1) else f"in {runs[0]} run{'s' * (runs[0] > 1)} against {runs[1]}"
            )
        start = f"{name} is {verdict} {'of ' if verdict == 'ahead' else ''}the baseline {where}; no claim about the"
        start += f" method can be made: {difference}"
    else:
        start = _START[verdict].format(name=name, difference=difference)
    return "; ".join([start, *ends]) + "."


def _single(runs: tuple[int, int], name: str) -> str:
    """The arm, or both arms, of which there is one run only."""
    if runs == (1, 1):
        return "per arm"
    return f"of {name}" if runs[0] == 1 else "of the baseline"


def _limits(pair: PairResult, runs: tuple[int, int]) -> list[str]:
    """What limits the statement, each as a part of the sentence."""
    method, verdict, ends = pair["method"], pair["verdict"], []
    one_run, one_fold = method["rule"] == "folds", len(pair["fold_differences"]) == 1
    if verdict == "open":
        ends += _why_open(pair)
        smallest = pair["power"]["smallest_difference"]
        if smallest == smallest:
            ends.append(f"with 80 % power these cases and runs could have shown {points(smallest)} points")
    if one_run:
        single = _single(runs, pair["candidate"])
        ends.append(f"with one run {single} an effect of the random seed cannot be excluded")
        low, high = method["interval_correlated"]
        if verdict != "open" and low <= 0 <= high:
            ends.append("corrected for folds that share training cases, the interval contains zero")
    elif one_fold:
        ends.append("one fold shows nothing of other training sets")
    return ends


def _why_open(pair: PairResult) -> list[str]:
    method = pair["method"]
    low, high = method["interval"]
    if low > 0 or high < 0:
        over = method.get("interval_over_folds", method["interval"])
        if over[0] <= 0 <= over[1]:
            return [f"over other training sets, by a t test over folds, the interval {bracket(over)} contains zero"]
        return ["its interval excludes zero, but not after Holm's adjustment for several candidates"]
    low, high = pair["trained_models"]["interval"]
    if low > 0 or high < 0:
        return ["these trained models do differ on such cases, which may be due to chance in these runs"]
    return []


def _without_leaks(pair: PairResult, leaked: int, cases: int) -> str:
    rest = pair["without_leaks"]
    assert rest is not None
    low, high = rest["method"]["interval"]
    contains = ", which contains zero" if low <= 0 <= high else ""
    return (
        f"{leaked} of {cases} cases have a near-duplicate or an image of the same patient in their fold's training"
        f" set: without them {signed(rest['difference'])} points, {bracket(rest['method']['interval'])}{contains}"
    )


def points(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.2f}"


def signed(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def bracket(interval: list[float]) -> str:
    unknown = any(bound != bound for bound in interval)
    return "[–, –]" if unknown else f"[{signed(interval[0])}, {signed(interval[1])}]"
