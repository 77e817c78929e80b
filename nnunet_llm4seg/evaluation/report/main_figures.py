"""The forest plots of one comparison: the difference that counts, and every label and metric. Numbers are looked up
in the summary, as in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from nnunet_llm4seg.evaluation.metrics import BY_NAME, METRICS, Metric
from nnunet_llm4seg.evaluation.report.forest import Forest, Row, draw_forest
from nnunet_llm4seg.evaluation.report.numbers import Number, interval, look_up, scaled, short_names, span

_MARK = {
    "better": "better",
    "worse": "worse",
    "open": "no claim",
    "none": "no claim possible",
    "ahead": "ahead; no claim",
    "behind": "behind; no claim",
}


def difference_figure(summary: Mapping[str, Any]) -> Markup:
    """The primary difference of every candidate with (b), the baseline's noise and the target."""
    short = short_names([summary["baseline"], *summary["candidates"]])
    baseline = short[summary["baseline"]]
    own = summary["baseline_against_itself"]
    noise = own["largest_mean_difference"] if own else None
    target = summary["comparisons"][0]["power"]["target"]
    rows, thin = [], set()
    for i, result in enumerate(summary["comparisons"]):
        at, method = f"comparisons/{i}", result["method"]
        second = "interval_over_folds" if method["rule"] == "runs" else "interval_correlated"
        thin.add("t over folds" if method["rule"] == "runs" else "corrected for folds that share training cases")
        verdict = f" {_MARK[result['verdict']]}"
        value = look_up(summary, Number(f"{at}/difference", signed=True), interval(f"{at}/method/interval"), verdict)
        row = Row(
            short[result["candidate"]],
            scaled(result["difference"]),
            span(method["interval"]),
            span(method.get(second)),
            value,
        )
        rows.append(row)
    key = [
        f"Thick: 95 % interval (b), other cases and other trainings; thin: {' or '.join(sorted(thin))}.",
        (
            "Grey band: two runs of the baseline alone differ by up to "
            f"{Number('baseline_against_itself/largest_mean_difference').text(summary)} points."
            if noise is not None
            else "The baseline's own noise is unknown: one run."
        ),
        f"Dashed: the target of {100 * target:g} points.",
    ]
    candidates = ", ".join(short[name] for name in summary["candidates"])
    forest = Forest(
        f"Difference in {BY_NAME[summary['primary']].title}: {candidates} against {baseline}",
        rows,
        f"points of {BY_NAME[summary['primary']].title}",
        (f"{baseline} better", "candidate better" if len(rows) > 1 else f"{candidates} better"),
        None if noise is None else 100 * noise,
        100 * target,
        key,
    )
    return draw_forest(forest, hero=True)


def label_figures(summary: Mapping[str, Any]) -> list[Markup]:
    """A forest plot per metric, of every label and candidate."""
    return [_of_metric(summary, metric) for metric in METRICS]


def _of_metric(summary: Mapping[str, Any], metric: Metric) -> Markup:
    short = short_names([summary["baseline"], *summary["candidates"]])
    several = len(summary["candidates"]) > 1
    rows = []
    order = {label: i for i, label in enumerate(summary["labels"])}
    chosen = [(i, row) for i, row in enumerate(summary["descriptive"]) if row["metric"] == metric.name]
    for i, found in sorted(chosen, key=lambda pair: order[pair[1]["label"]]):
        at, scale = f"descriptive/{i}", metric.scale
        means = [Number(f"{at}/{name}_mean", scale) for name in ("baseline", "candidate")]
        value = look_up(
            summary,
            (means[0], " → ", means[1], ": "),
            Number(f"{at}/difference", scale, signed=True),
            interval(f"{at}/simultaneous", scale),
        )
        label = f"{found['label']}, {short[found['candidate']]}" if several else found["label"]
        rows.append(Row(label, scaled(found["difference"], scale), span(found["simultaneous"], scale), value=value))
    baseline = short[summary["baseline"]]
    candidate = "candidate" if several else short[summary["candidates"][0]]
    ends = (f"{baseline} better", f"{candidate} better")
    if metric.higher_is_better is None:
        ends = (f"{candidate} smaller", f"{candidate} larger")
    elif not metric.higher_is_better:
        ends = (ends[1], ends[0])
    names = ", ".join(short[name] for name in summary["candidates"])
    return draw_forest(Forest(f"{metric.title}: {names} against {baseline}", rows, metric.unit, ends))
