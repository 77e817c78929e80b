"""A study's answer as a page, report/index.html; numbers are looked up in study.json, so the two cannot differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from markupsafe import Markup

from nnunet_llm4seg.evaluation.report.forest import Forest, Row, draw_forest
from nnunet_llm4seg.evaluation.report.fragments import fragment, page
from nnunet_llm4seg.evaluation.report.ladder import Outcome, Step, draw_ladder
from nnunet_llm4seg.evaluation.report.layer_sweep import LayerGain, draw_layers
from nnunet_llm4seg.evaluation.report.numbers import Number, Table, interval, look_up, p_value, scaled, span
from nnunet_llm4seg.evaluation.report.write import without_nan
from nnunet_llm4seg.evaluation.statistics.multiplicity import NOT_TESTED
from nnunet_llm4seg.study.answer import (
    NOT_YET,
    WORDS,
    about_sweep,
    claims_in_order,
    headline,
    look,
    omitted,
    progress,
)
from nnunet_llm4seg.study.comparable import Compared
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import amendments

_UNIT = "points of Dice"


def render(
    study: Study, findings: Mapping[str, Any], compared: Sequence[Compared], *, finished: int, count: int
) -> str:
    """The page as HTML: the claim, its figure, the ladder, what to keep in mind, layers, and each comparison.

    A figure or a table for which the study has no numbers is omitted.

    Args:
        findings: as `find` returns them.
        compared: the calls of `compare`, also those that failed.
        finished: number of trainings that are done, of `count`.
    """
    found = without_nan(findings)
    forests = [_forest(found, i) for i, step in enumerate(found["claims"]) if step["datasets"]]
    parts = [
        ("", fragment("claim", text=headline(findings))),
        *(("", draw_forest(forest, hero=True)) for forest in forests[:1]),
        ("", fragment("facts", sentences=_facts(study, finished, count))),
        ("Claims", _ladder(found, "these")),
        ("", _ladder(found, "like_these")),
        ("To keep in mind", fragment("notes", serious=_serious(findings, compared), others=_others(study, compared))),
        *(("" if i else "The other claims", draw_forest(forest)) for i, forest in enumerate(forests[1:])),
        ("", _table(found, _each_data_set(found))),
    ]
    baselines = {entry.chosen.name: entry.chosen.baseline.name for entry in compared}
    for i, sweep in enumerate(found["sweeps"]):
        baseline, about = baselines[sweep["comparison"]], " ".join(about_sweep(findings["sweeps"][i]))
        parts += [("" if i else "Layers", _layers(sweep, baseline))]
        parts += [("", _table(found, _each_layer(sweep, f"sweeps/{i}", baseline, about)))]
    parts += [("", _table(found, _ranks(name, ranks))) for name, ranks in found["ranks"].items() if len(ranks) > 2]
    parts += [("Each comparison", fragment("comparisons", compared=[_comparison(entry) for entry in compared]))]
    parts += [("Dice per case and arm, for other tools", fragment("files", names=found["per_case"]))]
    return page(f"Study {study.name}", [(heading, part) for heading, part in parts if part.strip()])


def _facts(study: Study, finished: int, count: int) -> list[str]:
    first, *others = (arm.name for arm in study.arms)
    arms = f"Arms: {first} (the baseline){''.join(f', {name}' for name in others)}."
    return [progress(finished, count), claims_in_order(study), arms, f"sha256 of the study's file: {study.sha256}."]


def _forest(found: Mapping[str, Any], number: int) -> Forest:
    """The data sets of one claim, and with several of them both averages."""
    at, step = f"claims/{number}", found["claims"][number]
    candidate, baseline = step["claim"].split(" > ")
    noisy = [
        f"{at}/datasets/{name}" for name, entry in step["datasets"].items() if entry["baseline_noise"] is not None
    ]
    rows = [_row(found, name, f"{at}/datasets/{name}", entry) for name, entry in step["datasets"].items()]
    key = ["Thick: 95 % interval (b), other cases and other trainings."]
    if len(noisy) == len(step["datasets"]) == 1:
        noise = Number(f"{noisy[0]}/baseline_noise").text(found)
        key.append(f"Grey band: two runs of {baseline} alone differ by up to {noise} points.")
    elif noisy:
        key.append(f"Grey bands: by how much two runs of {baseline} alone differ at most, there and on average.")
    else:
        key.append(f"The noise of {baseline} itself is unknown: one run.")
    key.append(f"Dashed: the target of {100 * found['target']:g} points.")
    if step["like_these"] is not None:
        rows.append(_row(found, f"average over these {len(rows)} data sets", f"{at}/these", step["these"]))
        rows.append(_row(found, "data sets like these", f"{at}/like_these", step["like_these"]))
        sd = Number(f"{at}/like_these/heterogeneity_sd").text(found)
        key += [
            "Diamonds: averages, as wide as their 95 % intervals. Thin: 95 % prediction interval, what one more data"
            f" set like these would measure. SD between data sets: {sd} points."
        ]
    ends = (f"{baseline} better", f"{candidate} better")
    title = f"Difference in Dice: {candidate} against {baseline}"
    return Forest(title, rows, _UNIT, ends, target=scaled(found["target"]), key=key)


def _row(found: Mapping[str, Any], label: str, at: str, entry: Mapping[str, Any]) -> Row:
    return Row(
        label,
        scaled(entry["difference"]),
        span(entry["interval"]),
        span(entry.get("prediction")),
        look_up(found, *_difference(at)),
        "point" if "/datasets/" in at else "diamond",
        None if entry.get("baseline_noise") is None else scaled(entry["baseline_noise"]),
    )


def _difference(at: str, name: str = "difference") -> tuple[Any, ...]:
    return Number(f"{at}/{name}", signed=True), interval(f"{at}/interval")


def _ladder(found: Mapping[str, Any], which: Literal["these", "like_these"]) -> Markup:
    """The claims about these data sets, or about data sets like these; nothing if there are none."""
    steps = [_step(found, i, which) for i, step in enumerate(found["claims"]) if which == "these" or step[which]]
    most = max((len(step["datasets"]) for step in found["claims"]), default=0)
    these = {0: "Nothing can be looked at yet", 1: "On this data set"}.get(most, "On the average over these data sets")
    return draw_ladder(these if which == "these" else "On data sets like these", steps) if steps else Markup()


def _step(found: Mapping[str, Any], number: int, which: str) -> Step:
    step = found["claims"][number]
    entry, at = step[which], f"claims/{number}/{which}"
    if entry is None:
        return Step(step["claim"], "not tested", why=f"{NOT_YET.capitalize()}.")
    verdict = entry["verdict"]
    outcome: Outcome = "shown" if verdict == "better" else "not tested" if verdict == NOT_TESTED else "not shown"
    said = [] if verdict in ("better", "open") else [WORDS[verdict]]
    said += [look(step)] if look(step) else []
    why = "" if verdict == NOT_TESTED else "; ".join(said)  # the ladder itself says why a claim is not tested
    return Step(
        step["claim"],
        outcome,
        look_up(found, *_difference(at), ("p ", p_value(f"{at}/p"))),
        f"{why[:1].upper()}{why[1:]}." if why else "",
    )


def _serious(findings: Mapping[str, Any], compared: Sequence[Compared]) -> list[str]:
    """What is missing in the answer although it was trained."""
    failed = [entry for entry in compared if entry.failed]
    missing = [f"{entry.chosen.name} is missing, its comparison failed: {entry.said[0]}" for entry in failed]
    return missing + omitted(findings)


def _others(study: Study, compared: Sequence[Compared]) -> list[str]:
    changed = [
        Markup('The file was amended on {} after the study had begun (<a href="../{}">difference</a>).').format(
            made["when"], quote(made["diff"])
        )
        for made in amendments(study)
    ]
    left_out: dict[str, list[str]] = {}
    for entry in compared:
        for line in entry.chosen.left_out:
            left_out.setdefault(line, []).append(entry.chosen.name)
    return [*changed, *(f"Left out: {line} ({', '.join(names)})." for line, names in left_out.items())]


def _each_data_set(found: Mapping[str, Any]) -> Table:
    columns = ["claim", "data set", "difference", "(b)", "p (Holm)", "a claim is false, %"]
    note = "p by Holm over the data sets. Last column: probability that a claim from these cases is false, without the"
    table = Table("result", "Each data set", columns, note=f"{note} noise between runs.")
    for i, step in enumerate(found["claims"]):
        for name in step["datasets"]:
            at = f"claims/{i}/datasets/{name}"
            false = Number(f"{at}/probability_of_false_claim", digits=1)
            table.rows.append([step["claim"], name, *_difference(at), p_value(f"{at}/p_holm"), false])
    return table


def _layers(sweep: Mapping[str, Any], baseline: str) -> Markup:
    rows = [row for row in sweep["layers"] if row["gain"] is not None]
    gains = [LayerGain(row["layer"], scaled(row["gain"]), *_ends(row["band"])) for row in rows]
    if not gains:
        return Markup()
    return draw_layers(
        f"Gain of {', '.join(row['arm'] for row in rows)} over {baseline}, {sweep['comparison']}",
        gains,
        named=[row["layer"] for row in rows if row["named"]],
        unit=_UNIT,
        band="Band: 95 % for all layers together, by Bonferroni.",
    )


def _ends(band: Sequence[float | None]) -> tuple[float, float]:
    return span(band) or (float("nan"), float("nan"))


def _each_layer(sweep: Mapping[str, Any], at: str, baseline: str, note: str) -> Table:
    columns = ["arm", "layer", f"gain over {baseline}", "(b)", "band over all layers", "p (Holm)", "effective rank"]
    table = Table("result", f"Layers, {sweep['comparison']}", columns, note=note)
    for i, row in enumerate(sweep["layers"]):
        here = f"{at}/layers/{i}"
        arm = f"{row['arm']} (named before)" if row["named"] else row["arm"]
        layer, rank = Number(f"{here}/layer", 1, 0), Number(f"{here}/effective_rank", 1)
        gain = [*_difference(here, "gain"), interval(f"{here}/band"), p_value(f"{here}/p_holm")]
        table.rows.append([arm, layer, *gain, rank])
    return table


def _ranks(name: str, ranks: Mapping[str, Mapping[str, float]]) -> Table:
    columns = ["arm", "rank", "first in % of draws", "95 % of ranks"]
    table = Table("result", f"Order of the arms, {name}", columns)
    for arm in sorted(ranks, key=lambda arm: ranks[arm]["rank"]):
        at = f"ranks/{name}/{arm}"
        between = (Number(f"{at}/low", 1, 1), " to ", Number(f"{at}/high", 1, 1))
        table.rows.append([arm, Number(f"{at}/rank", 1, 1), Number(f"{at}/first", digits=0), between])
    return table


def _table(found: Mapping[str, Any], table: Table) -> Markup:
    view = {"title": table.title, "columns": table.columns, "note": table.note, "rows": table.shown(found)}
    return fragment("table", t=view) if table.rows else Markup()


def _comparison(entry: Compared) -> dict[str, Any]:
    name = entry.chosen.name
    return {"name": name, "said": entry.said, "href": None if entry.failed else f"{quote(name)}/report.html"}
