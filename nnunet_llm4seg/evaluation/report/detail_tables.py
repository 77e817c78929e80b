"""The tables of the report's details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME
from nnunet_llm4seg.evaluation.report.numbers import Number, Table, short_names


def details(summary: Mapping[str, Any]) -> list[Table]:
    """All of them, in the page's order."""
    made = (per_fold, failures, groups, costs, empty_masks, layers)
    return [table(summary) for table in made]


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
