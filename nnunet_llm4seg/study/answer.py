"""A study's answer in words and tables, from the numbers of study.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnunet_llm4seg.evaluation.statistics.claims import bracket, points, signed
from nnunet_llm4seg.evaluation.statistics.multiplicity import NOT_TESTED
from nnunet_llm4seg.study.file import Study

WORDS = {
    "better": "holds",
    "worse": "does not hold, the opposite is shown",
    "ahead": "ahead, but one run or one fold allows no claim about the method",
    "behind": "behind, but one run or one fold allows no claim about the method",
    "open": "is not shown",
    "none": "cannot be tested: there is no interval",
    NOT_TESTED: "not tested, because a claim before it does not hold",
}
NOT_YET = "cannot be looked at yet"
_NO_CLAIM = "No claim was named, so that all comparisons are exploratory."


def progress(finished: int, count: int) -> str:
    """How much of the study is done, in one sentence."""
    interim = "" if finished == count else "; this is an interim look, which counts as one"
    return f"{finished} of {count} trainings are done{interim}."


def claims_in_order(study: Study) -> str:
    """The claims in the order in which they are tested, and who has fixed it, in one sentence."""
    fixed = "fixed in the file in this order" if study.claims else "by default in this order, as the file names none"
    return f"Claims, {fixed}: {', '.join(map(str, study.ordered_claims)) or 'none'}."


def headline(findings: Mapping[str, Any]) -> str:
    """The answer in a few sentences: the first claim with its numbers, and what became of the others.

    Args:
        findings: as `find` returns them, with nan for what is not known.
    """
    if not findings["claims"]:
        return _NO_CLAIM
    first, *others = findings["claims"]
    said = [f"{first['claim']}{statement(first)}"]
    if first["like_these"] is not None:
        said.append(f"On data sets like these: {WORDS[first['like_these']['verdict']]}")
    for step in others:
        said.append(f"Then {step['claim']}: {WORDS[step['these']['verdict']] if step['these'] else NOT_YET}")
    return f"{'. '.join(sentence.removesuffix('.') for sentence in said)}."


def answer_lines(findings: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown: the claims in their order, then data sets, layers and ranks."""
    lines = ["## Answer", ""]
    if not findings["claims"]:
        lines += [_NO_CLAIM, ""]
    for number, step in enumerate(findings["claims"], 1):
        lines += _step(number, step)
    lines += [f"- {sentence}" for sentence in omitted(findings)]
    for sweep in findings["sweeps"]:
        lines += ["", *_sweep(sweep)]
    for name, ranks in findings["ranks"].items():
        if len(ranks) > 2:
            lines += ["", *_ranks(name, ranks)]
    if findings["per_case"]:
        listed = ", ".join(f"[{name}]({name})" for name in findings["per_case"])
        lines += ["", f"Dice per case and arm, for other tools: {listed}."]
    return lines


def omitted(findings: Mapping[str, Any]) -> list[str]:
    """Cases and comparisons that the answer does not contain, one sentence for all that are alike."""
    found = []
    for count in dict.fromkeys(findings["leaked"].values()):
        names = [name for name, leaked in findings["leaked"].items() if leaked == count]
        cases = f"{count} case{'s' if count > 1 else ''} with a near-duplicate or the same patient in"
        cases += f" {'their' if count > 1 else 'its'} fold's training set {'are' if count > 1 else 'is'} omitted here"
        found.append(f"{', '.join(names)}: {cases}{' in each' if len(names) > 1 else ''}.")
    if findings["unused"]:
        them = "they are" if len(findings["unused"]) > 1 else "it is"
        unused = ", ".join(findings["unused"])
        found.append(f"{unused}: fewer than two independent cases are left, so {them} not used here.")
    return found


def statement(step: Mapping[str, Any]) -> str:
    """What is said after a claim's name: on what it holds or not, with the numbers."""
    these = step["these"]
    if these is None:
        return f": {NOT_YET}."
    on = (
        "on this data set"
        if len(step["datasets"]) == 1
        else f"on average over these {len(step['datasets'])} data sets"
    )
    seen = look(step)
    return f" {on}: {WORDS[these['verdict']]}. {_numbers(these)}{f' ({seen})' if seen else ''}"


def _step(number: int, step: Mapping[str, Any]) -> list[str]:
    such = step["like_these"]
    lines = [f"{number}. **{step['claim']}**{statement(step)}"]
    if such is not None:
        lines.append(
            f"   - on data sets like these: {WORDS[such['verdict']]}. {_numbers(such)}; SD between data sets"
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


def look(step: Mapping[str, Any]) -> str:
    """Which look at a claim this is, and its level; empty if it is the only one, at the end."""
    seen, looks = step["information"], len(step["looks"])
    if seen >= 1 and looks <= 1:
        return ""
    kind = "interim look" if seen < 1 else "last look"
    level = "nothing can be claimed" if step["level"] == 0 else f"tested at {100 * step['level']:.2g} %"
    return f"{kind}, number {looks}: {100 * seen:.0f} % of the planned trainings; {level}"


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
    return [*lines, "", *about_sweep(sweep)]


def about_sweep(sweep: Mapping[str, Any]) -> list[str]:
    """Sentences on the best layer, and on the effective rank where it was measured."""
    lines, both = [_chosen(sweep)], sweep["effective_rank_and_gain"]
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
