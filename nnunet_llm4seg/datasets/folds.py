"""From a data set and its near-duplicates to splits_final.json, splits_info.json and groups.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.datasets import splits
from nnunet_llm4seg.datasets.cases import Fold
from nnunet_llm4seg.datasets.found import Found, PublishedFolds
from nnunet_llm4seg.datasets.groups import joined
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.datasets.near_duplicates import RULE

_LARGE_GROUP = 0.2  # share of the cases: a group this large is a fold of its own
_UNEVEN = 0.05  # how far a fold may be from a fifth of the cases


@dataclass(frozen=True)
class Groups:
    """Cases that belong together, by new names.

    Attributes:
        duplicates: pairs of near-duplicates; None if there was no search for them.
        similar: groups that these pairs connect.
        together: groups that pairs and patients connect, including those that `--no-group-near-duplicates` ignores.
        rule: how these were found.
    """

    duplicates: list[tuple[str, str]] | None
    similar: list[list[str]]
    together: list[list[str]]
    rule: str


def make_groups(found: Found, duplicates: list[tuple[str, str]] | None) -> Groups:
    """Groups of near-duplicates and patients."""
    group_by = found.options.splits.group_by
    rules = ([] if duplicates is None else [RULE]) + ([f"names with the same {group_by!r}"] if group_by else [])
    together = joined([*(duplicates or []), *_chains(found.patients)])
    return Groups(duplicates, joined(duplicates or []), together, "; ".join(rules))


def make_folds(found: Found, groups: Groups) -> tuple[list[dict[str, list[str]]], dict[str, Any]]:
    """Contents of splits_final.json and splits_info.json.

    Raises:
        DatasetError: five folds cannot be made.
    """
    options = found.options.splits
    info: dict[str, Any]
    if found.official:
        folds = found.official.folds
        info = {
            "splits": "official",
            "read_from": found.official.read_from,
            **_holdouts(found.official, len(found.training)),
        }
    else:
        # groups include the test cases, because a test case may connect two training cases
        kept = groups.together if options.group_near_duplicates else found.patients
        together = [part for group in kept if (part := [name for name in group if name in found.classes])]
        folds = splits.five_folds(found.classes, together, seed=options.seed)
        counts = {name: n for name, n in sorted(Counter(found.classes.values()).items(), key=str) if name}
        info = {
            "splits": "5fold",
            "seed": options.seed,
            "stratified_by": counts or None,
            "group_by": options.group_by,
            "near_duplicates_grouped": options.group_near_duplicates and groups.duplicates is not None,
            "notes": _unevenness(together, folds, len(found.classes)),
        }
    info["folds"] = [{"train": len(fold[0]), "val": len(fold[1])} for fold in folds]
    if groups.duplicates is not None:
        info["near_duplicates"] = {
            "rule": RULE,
            "pairs": len(groups.duplicates),
            "groups": len(groups.similar),
            "pairs_crossing_each_fold": [splits.pairs_cut(groups.duplicates, fold) for fold in folds],
        }
    if options.group_by:
        info["patients_crossing_each_fold"] = [_groups_cut(found.patients, fold) for fold in folds]
    return [{"train": fold[0], "val": fold[1]} for fold in folds], info


def _chains(groups: Iterable[list[str]]) -> list[tuple[str, str]]:
    return [(group[0], name) for group in groups for name in group[1:]]


def _unevenness(together: list[list[str]], folds: list[Fold], cases: int) -> list[str]:
    notes = []
    largest = max(together, key=len, default=[])
    if len(largest) > _LARGE_GROUP * cases:
        notes.append(
            f"One group holds {len(largest)} of {cases} cases ({some(largest)}): look whether these belong together; "
            "--no-group-near-duplicates or another --group-by makes groups smaller."
        )
    sizes = [len(fold[1]) for fold in folds]
    # with few cases, a single case is more than the allowed share
    if any(abs(size - cases / 5) > max(_UNEVEN * cases, 1) for size in sizes):
        notes.append(
            f"The folds hold {', '.join(map(str, sizes))} validation cases, where a fifth is {cases / 5:g}: groups "
            "are kept whole."
        )
    return notes


def _groups_cut(groups: list[list[str]], fold: Fold) -> int:
    training, validation = map(set, fold)
    return sum(not training.isdisjoint(group) and not validation.isdisjoint(group) for group in groups)


def _holdouts(official: PublishedFolds, cases: int) -> dict[str, Any]:
    folds = official.folds
    validated = Counter(name for fold in folds for name in fold[1])
    used = set(validated) | {name for fold in folds for name in fold[0]}
    overlapping = max(validated.values()) > 1
    notes = []
    if overlapping:
        notes.append(
            f"These are {len(folds)} repeated hold-outs, not folds of a cross-validation: their validation "
            f"sets overlap ({len(validated)} distinct cases of {cases}), so some cases count repeatedly."
        )
    if len(used) < cases:
        notes.append(f"{cases - len(used)} of {cases} training cases are in no list and so unused.")
    return {
        "repeated_holdouts": overlapping,
        "distinct_validation_cases": len(validated),
        "training_cases": cases,
        "notes": notes,
    }


def sentences(info: Mapping[str, Any]) -> list[str]:
    """splits_info.json in sentences."""
    lines = []
    if info["splits"] == "official":
        lines.append(f"official splits from {some(info['read_from'], limit=6)}")
    else:
        by = info["stratified_by"]
        classes = ", ".join(f"{name} {count}" for name, count in by.items()) if by else "none known"
        lines.append(f"5 folds, seed {info['seed']}; classes: {classes}")
    lines += info["notes"]
    crossing = info.get("near_duplicates", {}).get("pairs_crossing_each_fold")
    for number, fold in enumerate(info["folds"]):
        line = f"fold {number}: {fold['train']} training, {fold['val']} validation cases"
        if crossing is not None:
            line += f"; {crossing[number]} near-duplicate pairs cross it"
        if "patients_crossing_each_fold" in info:
            line += f"; {info['patients_crossing_each_fold'][number]} patients cross it"
        lines.append(line)
    return lines
