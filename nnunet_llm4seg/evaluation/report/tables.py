"""The tables of the report's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME, METRICS
from nnunet_llm4seg.evaluation.report.numbers import Number, Table, differences, interval, p_value, short_names
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
    made += [per_fold(summary), descriptive(summary), failures(summary), groups(summary)]
    made += [costs(summary), empty_masks(summary), layers(summary)]
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
        ["candidate", "difference", "(a) these trained models", "(b) the method", "p", "p (Holm)", "verdict"],
        note=(
            f"Points of {BY_NAME[summary['primary']].title}, 95 % intervals. (a) other cases, the same trained"
            " models. (b) also other training runs: only (b) is about the method."
        ),
    )
    words = {"better": "better", "worse": "worse", "open": "no claim", "none": "no claim possible"}
    words |= {"ahead": "ahead; no claim about the method", "behind": "behind; no claim about the method"}
    for i, result in enumerate(summary["comparisons"]):
        at = f"comparisons/{i}"
        p = [p_value(f"{at}/method/{name}") for name in ("p", "p_holm")]
        table.rows.append([result["candidate"], *differences(at), *p, words[result["verdict"]]])
        if "interval_correlated" in result["method"]:
            row: list[Any] = [
                "… folds correlated (Nadeau and Bengio)",
                "",
                "",
                interval(f"{at}/method/interval_correlated"),
            ]
            table.rows.append([*row, "", "", "sensitivity"])
        else:
            over_folds = interval(f"{at}/method/interval_over_folds")
            row = ["… t over folds: training sets vary too", "", "", over_folds]
            table.rows.append([*row, "", "", "sensitivity"])
        if result.get("without_leaks"):
            at += "/without_leaks"
            row = ["… without leaked cases", *differences(at), p_value(f"{at}/method/p"), ""]
            table.rows.append([*row, (Number(f"{at}/cases", 1, 0), " cases")])
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


def per_fold(summary: Mapping[str, Any]) -> Table:
    columns = ["arm", *(f"fold {number}" for number in summary["folds"])]
    table = Table("details", "Folds", columns, note="Points, means of each fold's own validation cases.")
    folds = range(len(summary["folds"]))
    for name in summary["scores"]:
        table.rows.append([name, *(Number(f"scores/{name}/fold_means/{f}") for f in folds)])
    for i, result in enumerate(summary["comparisons"]):
        cells = [Number(f"comparisons/{i}/fold_differences/{f}", signed=True) for f in folds]
        table.rows.append([f"{result['candidate']} − baseline", *cells])
    return table


def descriptive(summary: Mapping[str, Any]) -> Table:
    distances = ", ".join(metric.title for metric in METRICS if not metric.percent)
    lower = ", ".join(metric.title for metric in METRICS if not metric.higher_is_better)
    table = Table(
        "details",
        "Labels and metrics",
        ["candidate", "label", "metric", "baseline", "candidate", "difference", "(a)", "(b)"],
        note=(
            f"Descriptive: intervals are not adjusted. Points, {distances} in mm (pixels where files know no mm);"
            f" lower is better for {lower}. NSD at {summary['tolerance']}."
        ),
    )
    short = short_names(summary["candidates"])
    for i, row in enumerate(summary["descriptive"]):
        metric = BY_NAME[row["metric"]]
        at, scale = f"descriptive/{i}", metric.scale
        means = [Number(f"{at}/{name}_mean", scale) for name in ("baseline", "candidate")]
        names = [short[row["candidate"]], row["label"], metric.title]
        table.rows.append([*names, *means, *differences(at, scale)])
    return table


def failures(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "details",
        "Failures, beside the mean",
        ["arm", "label", "mean Dice", "Dice below 0.1", "missed", "found where it is not"],
        note="Points, and % of the cases of all runs. Missed: of the cases whose reference has the label; found where"
        " it is not: of the others. –: there are no such cases.",
    )
    for arm, by_label in summary["failures"].items():
        for label in by_label:
            at = f"failures/{arm}/{label}"
            shares = (Number(f"{at}/{kind}", 100, 1) for kind in ("failed", "missed", "false_positive"))
            table.rows.append([arm, label, Number(f"{at}/mean"), *shares])
    return table


def groups(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "details",
        "Groups of cases",
        ["candidate", "by", "group", "number", "baseline", "candidate", "difference"],
        note=f"Points of {BY_NAME[summary['primary']].title} (a label that is present: Dice). Descriptive, no tests."
        " Thirds of the cases. By difficulty: cut on the baseline's runs that are not the one compared, since cases"
        " that were bad by chance are better in any other training; needs two runs of the baseline.",
    )
    short = short_names(summary["candidates"])
    for i, group in enumerate(summary["groups"]):
        at = f"groups/{i}"
        means = [Number(f"{at}/{name}_mean") for name in ("baseline", "candidate")]
        cells = [short[group["candidate"]], group["by"], group["group"], Number(f"{at}/cases", 1, 0), *means]
        table.rows.append([*cells, Number(f"{at}/difference", signed=True)])
    return table


def costs(summary: Mapping[str, Any]) -> Table:
    table = Table(
        "details",
        "Cost",
        [
            "arm",
            "trainable parameters (M)",
            "all (M)",
            "FLOPs of a patch (G)",
            "latency of a patch (ms)",
            "s per epoch",
            "checkpoint (MB)",
            "peak memory (MB)",
        ],
    )
    notes = []
    columns = (
        ("trainable_parameters", 1e-6, 2),
        ("parameters", 1e-6, 2),
        ("flops", 1e-9, 2),
        ("latency_ms", 1, 1),
        ("seconds_per_epoch", 1, 1),
        ("checkpoint_bytes", 1e-6, 1),
        ("peak_memory_mb", 1, 0),
    )
    for name, cost in summary["costs"].items():
        table.rows.append([name, *(Number(f"costs/{name}/{key}", *rest) for key, *rest in columns)])
        notes += [f"{name}: {cost['note']}."] if cost["note"] else []
    devices = sorted({cost["device"] for cost in summary["costs"].values() if cost["device"]})
    timed = f"Latency: {', '.join(devices)}, arms timed in turns. " if devices else ""
    note = f"{timed}FLOPs by torch's counter, a multiply-add counts two. {' '.join(notes)}".strip()
    return Table(table.section, table.title, table.columns, table.rows, note)


def empty_masks(summary: Mapping[str, Any]) -> Table:
    kinds = ("both", "reference", "prediction")
    table = Table(
        "details",
        "Empty masks",
        ["arm", "label", "both empty", "only the reference empty", "only the prediction empty"],
        note=f"{summary['empty_masks']['policy']} Counts over all runs.",
    )
    for arm, by_label in summary["empty_masks"]["counts"].items():
        for label in by_label:
            at = f"empty_masks/counts/{arm}/{label}"
            table.rows.append([arm, label, *(Number(f"{at}/{kind}", 1, 0) for kind in kinds)])
    return table


def layers(summary: Mapping[str, Any]) -> Table:
    """Settings of the injected layers, one column per arm."""
    settings = {arm: layer for arm, layer in summary["layers"].items() if layer}
    keys = list(dict.fromkeys(key for layer in settings.values() for key in layer))
    return Table(
        "details",
        "Injected layers",
        ["setting", *settings],
        [[key, *(_setting(key, layer) for layer in settings.values())] for key in keys],
    )


def _setting(key: str, layer: Mapping[str, Any]) -> str:
    text = str(layer.get(key, "–"))
    return f"{text[:12]}…" if key == "sha256" and len(text) > 12 else text
