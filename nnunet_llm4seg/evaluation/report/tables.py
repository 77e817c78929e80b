"""The tables of the report's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME
from nnunet_llm4seg.evaluation.report.detail_tables import details
from nnunet_llm4seg.evaluation.report.numbers import Number, Table, interval, p_value
from nnunet_llm4seg.nnunet.shares import LEAST_SHARE


def all_tables(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Section, title, note, columns and rows of every table for which this summary has content."""
    made = [
        main_result(summary),
        arms(summary),
        layer_shares(summary),
        baseline_against_itself(summary),
        secondary(summary),
    ]
    made += details(summary)
    return [
        {"section": t.section, "title": t.title, "note": t.note, "columns": t.columns, "rows": t.shown(summary)}
        for t in made
        if t.rows
    ]


def arms(summary: Mapping[str, Any]) -> Table:
    metric = BY_NAME[summary["primary"]].title
    table = Table(
        "result",
        "Arms",
        ["arm", f"mean {metric}", "runs", "SD between runs: mean of all", "of one fold"],
        note="Points. The SD between runs shows how much repeating the same training changes.",
    )
    for name in summary["scores"]:
        at = f"scores/{name}"
        weights = summary["layers"].get(name, {}).get("weights", "pretrained")
        role = " (baseline)" if name == summary["baseline"] else ""
        role += "" if weights == "pretrained" else f" (control: {weights})"
        runs = Number(f"{at}/runs", 1, 0)
        table.rows.append(
            [name + role, Number(f"{at}/mean"), runs, Number(f"{at}/run_sd"), Number(f"{at}/run_fold_sd")]
        )
    return table


def layer_shares(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "result",
        "The layer's share",
        ["arm", "share at the end (%)", "of the training with the least (%)", "gate", "trainings"],
        note=(
            "Norm of what the path through the layer adds to the features, or puts in their place, over their norm."
            f" Below {100 * LEAST_SHARE:g} % an arm says nothing about the layer."
        ),
    )
    for name in summary["layer_shares"]:
        at = f"layer_shares/{name}"
        cells = [Number(f"{at}/share"), Number(f"{at}/least"), Number(f"{at}/gate", 1, 4)]
        table.rows.append([name, *cells, Number(f"{at}/trainings", 1, 0)])
    return table


def baseline_against_itself(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "result",
        "The baseline against itself",
        ["baseline", "pairs of runs", "largest difference of means", "SD of a case's difference"],
        note="Points: differences that appear although only the seed changed.",
    )
    at = "baseline_against_itself"
    if summary[at]:
        cells = [Number(f"{at}/largest_mean_difference"), Number(f"{at}/case_sd")]
        table.rows.append([summary["baseline"], Number(f"{at}/pairs", 1, 0), *cells])
    else:
        table.rows.append([summary["baseline"], "unknown: one run", "–", "–"])
    return table


def main_result(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "result",
        "Candidates against the baseline",
        ["candidate", "difference", "(b) the method", "verdict", "p (Holm)", "p", "(a) these trained models"],
        note=(
            f"Points of {BY_NAME[summary['primary']].title}, 95 % intervals. (a) other cases, the same trained"
            " models. (b) also other training runs: only (b) is about the method."
        ),
    )
    words = {"better": "better", "worse": "worse", "open": "no claim", "none": "no claim possible"}
    words |= {"ahead": "ahead; no claim about the method", "behind": "behind; no claim about the method"}
    for i, result in enumerate(summary["comparisons"]):
        at = f"comparisons/{i}"
        table.rows.append(
            [
                result["candidate"],
                Number(f"{at}/difference", signed=True),
                interval(f"{at}/method/interval"),
                words[result["verdict"]],
                p_value(f"{at}/method/p_holm"),
                p_value(f"{at}/method/p"),
                interval(f"{at}/trained_models/interval"),
            ]
        )
        if "interval_correlated" in result["method"]:
            what, name = "… folds correlated (Nadeau and Bengio)", "interval_correlated"
        else:
            what, name = "… t over folds: training sets vary too", "interval_over_folds"
        table.rows.append([what, "", interval(f"{at}/method/{name}"), "sensitivity", "", "", ""])
        if result.get("without_leaks"):
            at += "/without_leaks"
            table.rows.append(
                [
                    "… without leaked cases",
                    Number(f"{at}/difference", signed=True),
                    interval(f"{at}/method/interval"),
                    (Number(f"{at}/cases", 1, 0), " cases"),
                    "",
                    p_value(f"{at}/method/p"),
                    interval(f"{at}/trained_models/interval"),
                ]
            )
    return table


def secondary(summary: Mapping[str, Any]) -> Table:
    target = summary["comparisons"][0]["power"]["target"]
    table = Table(
        "result",
        "Most cases, and what could have been shown",
        [
            "candidate",
            "Wilcoxon p",
            "rank-biserial",
            "cases better / same / worse",
            "folds won",
            "smallest difference (80 % power)",
            f"runs needed for {100 * target:g} points",
        ],
        note=(
            "Wilcoxon asks whether most cases change, not by how much, and ignores the noise between runs. In"
            " parentheses: the 95 % range that the estimated variances leave open; it is wide with few runs."
        ),
    )
    for i, result in enumerate(summary["comparisons"]):
        at = f"comparisons/{i}"
        shares = [Number(f"{at}/shares/{name}", 100, 0) for name in ("better", "same", "worse")]
        needed = _runs_needed(result["power"], f"{at}/power")
        table.rows.append(
            [
                result["candidate"],
                p_value(f"{at}/wilcoxon/p"),
                Number(f"{at}/wilcoxon/rank_biserial", 1, 2, True),
                (shares[0], " / ", shares[1], " / ", shares[2], " %"),
                (Number(f"{at}/folds_won", 1, 0), f" of {len(summary['folds'])}"),
                (Number(f"{at}/power/smallest_difference"), *_between(f"{at}/power/smallest_range", 100.0, 2)),
                needed,
            ]
        )
    return table


def _runs_needed(power: Mapping[str, Any], at: str) -> Any:
    """The number of runs with its range; what helps instead if no number does."""
    ends = power["runs_range"]
    if ends is None:
        return "needs 2 runs to tell"
    if ends[0] is None:
        return "more cases, not runs"
    if power["runs_needed"] is None:
        return ("more cases, not runs (or from ", Number(f"{at}/runs_range/0", 1, 0), " runs)")
    if ends[1] is None:
        low = Number(f"{at}/runs_range/0", 1, 0)
        return (Number(f"{at}/runs_needed", 1, 0), " (", low, " to more than runs can give)")
    return (Number(f"{at}/runs_needed", 1, 0), *_between(f"{at}/runs_range", 1.0, 0))


def _between(path: str, scale: float, digits: int) -> tuple[Any, ...]:
    return (" (", Number(f"{path}/0", scale, digits), " to ", Number(f"{path}/1", scale, digits), ")")
