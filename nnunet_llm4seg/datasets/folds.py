"""From a data set and its near-duplicates to splits_final.json, splits_info.json and groups.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.datasets import splits
from nnunet_llm4seg.datasets.cases import SourceDataset, some
from nnunet_llm4seg.datasets.groups import joined, pairs_by_name
from nnunet_llm4seg.datasets.near_duplicates import RULE
from nnunet_llm4seg.errors import ConfigError

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """What to split by; `group_by` and the near-duplicates stay together in `5fold` and are counted else."""

    kind: str | None = None
    seed: int = 12345
    group_by: str | None = None
    group_near_duplicates: bool = True

    def __post_init__(self) -> None:
        if self.kind not in (None, *splits.SPLITS):
            raise ConfigError(f"--splits {self.kind!r} is not allowed; choose {' or '.join(splits.SPLITS)}.")
        if self.group_by is not None and self.kind is None:
            raise ConfigError(f"--group-by {self.group_by!r} needs folds to keep groups in; add --splits 5fold.")


def make_groups(
    dataset: SourceDataset, names: Mapping[str, str], duplicates: Pairs | None, group_by: str | None
) -> dict[str, Any]:
    """Content of groups.json: training cases that are one patient's, and near-duplicates, by their new names.

    Args:
        names: new case names by the published ones.
        duplicates: near-duplicates by their new names; None if nobody looked for them.
        group_by: for the training cases alone, since names of test cases may be made up.
    """
    training = _training(dataset, names)
    rules = ([] if duplicates is None else [RULE]) + ([f"names with the same {group_by!r}"] if group_by else [])
    return {"rule": "; ".join(rules), "groups": joined((duplicates or []) + _patients(training, group_by))}


def make_folds(
    dataset: SourceDataset, names: Mapping[str, str], duplicates: Pairs | None, options: SplitOptions
) -> tuple[list[dict[str, list[str]]], dict[str, Any]]:
    """Contents of splits_final.json and splits_info.json.

    Args:
        names: new case names by the published ones.
        duplicates: near-duplicates by their new names; None if nobody looked for them.

    Raises:
        DatasetError: the published lists are missing or do not fit, or five folds cannot be made.
    """
    training = _training(dataset, names)
    if options.kind == "official":
        if dataset.published:
            published, origin = dataset.published, [dataset.published_in]
        else:
            published, origin = splits.read_lists(*dataset.list_folders)
        folds = splits.published_folds(published, training)
        info = {"splits": "official", "read_from": origin, **_holdouts(folds, len(training))}
    else:
        words = splits.classes_from_names(training)
        classes = {training[c.name]: c.group or words[c.name] for c in dataset.cases if not c.test}
        near = duplicates if options.group_near_duplicates else None
        # with the test cases, since one of them may connect two training cases
        groups = make_groups(dataset, names, near, options.group_by)["groups"]
        together = [kept for group in groups if (kept := [name for name in group if name in classes])]
        folds = splits.five_folds(classes, together, seed=options.seed)
        counts = {name: count for name, count in sorted(Counter(classes.values()).items(), key=str) if name}
        info = {
            "splits": "5fold",
            "seed": options.seed,
            "stratified_by": counts or None,
            "group_by": options.group_by,
            "near_duplicates_grouped": options.group_near_duplicates and duplicates is not None,
        }
    info["folds"] = [{"train": len(fold[0]), "val": len(fold[1])} for fold in folds]
    if duplicates is not None:
        info["near_duplicates"] = {
            "rule": RULE,
            "pairs": len(duplicates),
            "groups": len(joined(duplicates)),
            "pairs_crossing_each_fold": [splits.pairs_cut(duplicates, fold) for fold in folds],
        }
    if options.group_by:
        patients = _patients(training, options.group_by)
        info["patients_crossing_each_fold"] = [_groups_cut(joined(patients), fold) for fold in folds]
    return [{"train": fold[0], "val": fold[1]} for fold in folds], info


def _training(dataset: SourceDataset, names: Mapping[str, str]) -> dict[str, str]:
    return {case.name: names[case.name] for case in dataset.cases if not case.test}


def _patients(names: Mapping[str, str], group_by: str | None) -> Pairs:
    pairs = pairs_by_name(names, group_by) if group_by else []
    return [(names[first], names[second]) for first, second in pairs]


def _groups_cut(groups: list[list[str]], fold: splits.Fold) -> int:
    training, validation = map(set, fold)
    return sum(not training.isdisjoint(group) and not validation.isdisjoint(group) for group in groups)


def _holdouts(folds: list[splits.Fold], cases: int) -> dict[str, Any]:
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


def describe(info: Mapping[str, Any]) -> list[str]:
    """splits_info.json in sentences."""
    lines = []
    if info["splits"] == "official":
        lines.append(f"official splits from {some(info['read_from'], limit=6)}")
        lines += info["notes"]
    else:
        by = info["stratified_by"]
        classes = ", ".join(f"{name} {count}" for name, count in by.items()) if by else "none known"
        lines.append(f"5 folds, seed {info['seed']}; classes: {classes}")
    crossing = info.get("near_duplicates", {}).get("pairs_crossing_each_fold")
    for number, fold in enumerate(info["folds"]):
        line = f"fold {number}: {fold['train']} training, {fold['val']} validation cases"
        if crossing is not None:
            line += f"; {crossing[number]} near-duplicate pairs cross it"
        if "patients_crossing_each_fold" in info:
            line += f"; {info['patients_crossing_each_fold'][number]} patients cross it"
        lines.append(line)
    return lines
