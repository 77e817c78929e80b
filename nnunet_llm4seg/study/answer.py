"""A study's answer in words and tables, from the numbers of study.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnunet_llm4seg.evaluation.statistics.claims import bracket, points, signed
from nnunet_llm4seg.study.ladder import NOT_TESTED

_WORDS = {
    "better": "holds",
    "worse": "does not hold, the opposite is shown",
    "ahead": "ahead, but one run or one fold allows no claim about the method",
    "behind": "behind, but one run or one fold allows no claim about the method",
    "open": "is not shown",
    "none": "cannot be tested: there is no interval",
    NOT_TESTED: "not tested, because a claim before it does not hold",
}


def answer_lines(findings: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown: the claims in their order, then data sets, layers and ranks."""
    lines = ["## Answer", ""]
    if not findings["claims"]:
        lines += ["No claim was named, so that all comparisons are exploratory.", ""]
    for number, step in enumerate(findings["claims"], 1):
        lines += _step(number, step)
    for name, count in findings["leaked"].items():
        lines.append(
            f"- {name}: {count} cases with a near-duplicate or the same patient in their fold's training set are"
            " omitted here."
        )
    for name in findings["unused"]:
        lines.append(f"- {name}: fewer than two independent cases are left, so it is not used here.")
    for sweep in findings["sweeps"]:
        lines += ["", *_sweep(sweep)]
    for name, ranks in findings["ranks"].items():
        if len(ranks) > 2:
            lines += ["", *_ranks(name, ranks)]
    if findings["per_case"]:
        listed = ", ".join(f"[{name}]({name})" for name in findings["per_case"])
        lines += ["", f"Dice per case and arm, for other tools: {listed}."]
    return lines


def _step(number: int, step: Mapping[str, Any]) -> list[str]:
    these, such = step["these"], step["like_these"]
    if these is None:
        return [f"{number}. **{step['claim']}**: cannot be looked at yet."]
    on = (
        "on this data set"
        if len(step["datasets"]) == 1
        else f"on average over these {len(step['datasets'])} data sets"
    )
    lines = [f"{number}. **{step['claim']}** {on}: {_WORDS[these['verdict']]}. {_numbers(these)}{_look(step)}"]
    if such is not None:
        lines.append(
            f"   - on data sets like these: {_WORDS[such['verdict']]}. {_numbers(such)}; SD between data sets"
            f" {points(such['heterogeneity_sd'])}, one more data set would measure {bracket(such['prediction'])}"
        )
    for name, found in step["datasets"].items():
        adjusted = "" if len(step["datasets"]) == 1 else f", p by Holm over data sets {_p(found['p_holm'])}"
        lines.append(
            f"   - {name}: {_numbers(found)}{adjusted}; probability that a claim from these cases is false, without"
            f" the noise between runs, {100 * found['probability_of_false_claim']:.1f} %"
        )
    return lines


def _numbers(found: Mapping[str, Any]) -> str:
    return (
        f"{signed(found['difference'])} points of Dice, 95 % interval {bracket(found['interval'])}, p {_p(found['p'])}"
    )


def _look(step: Mapping[str, Any]) -> str:
    seen, looks = step["information"], len(step["looks"])
    if seen >= 1 and looks <= 1:
        return ""
    kind = "interim look" if seen < 1 else "last look"
    level = "nothing can be claimed" if step["level"] == 0 else f"tested at {100 * step['level']:.2g} %"
    return f" ({kind}, number {looks}: {100 * seen:.0f} % of the planned trainings; {level})"


def _p(value: float) -> str:
    if value != value:
        return "unknown"
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def _sweep(sweep: Mapping[str, Any]) -> list[str]:
    lines = [
        f"### Layers, {sweep['comparison']}",
        "",
        "| layer | arm | gain | (b) | band over all layers | p (Holm) | effective rank |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sweep["layers"]:
        rank = "–" if row["effective_rank"] is None else f"{row['effective_rank']:.2f}"
        arm = f"{row['arm']} (named before)" if row["named"] else row["arm"]
        cells = [row["layer"], arm, signed(row["gain"]), bracket(row["interval"]), bracket(row["band"])]
        lines.append(f"| {' | '.join(map(str, [*cells, _p(row['p_holm']).removeprefix('= '), rank]))} |")
    lines += ["", _chosen(sweep)]
    both = sweep["effective_rank_and_gain"]
    if both["spearman"] == both["spearman"]:
        lines.append(
            f"Effective rank against gain over {both['layers']} layers: Spearman {both['spearman']:+.2f}, p"
            f" {_p(both['p'])} by permutation; descriptive, because neighbouring layers are alike."
        )
    return lines


def _chosen(sweep: Mapping[str, Any]) -> str:
    gain = sweep["cross_fitted_gain"]
    start = f"The largest gain is that of {sweep['chosen']}, but the best of many looks better than it is"
    if gain != gain:
        return f"{start}; with one fold this cannot be corrected."
    return f"{start}: chosen on the other folds, the best layer gains {signed(gain)} points (effect size, no test)."


def _ranks(name: str, ranks: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = [
        f"### Order of the arms, {name}",
        "",
        "| arm | rank | first in % of draws | 95 % of ranks |",
        "|---|---|---|---|",
    ]
    order: Sequence[str] = sorted(ranks, key=lambda arm: ranks[arm]["rank"])
    for arm in order:
        rank = ranks[arm]
        between = f"{rank['low']:g} to {rank['high']:g}"
        lines.append(f"| {arm} | {rank['rank']:g} | {100 * rank['first']:.0f} | {between} |")
    return lines
