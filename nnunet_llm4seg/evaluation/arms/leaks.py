"""Clusters of cases (near-duplicates, patients) and the validation cases that they leak into training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nnunet_llm4seg.datasets.groups import joined
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.names import HELD_OUT_IMAGES, TRAINING_IMAGES


def read_groups(folders: Sequence[Path], cases: Iterable[str]) -> tuple[dict[str, str], str | None]:
    """Clusters from the first `groups.json` in `folders`: case -> cluster, and the file's own rule.

    The file contains `{"rule": "...", "groups": [["case_a", "case_b"], ...]}`; groups that share a case
    are joined. Without a file there are no clusters and the rule is None.

    Raises:
        DatasetError: the file is not of this form, or names a case that is not in `cases`.
    """
    for folder in folders:
        path = folder / "groups.json"
        if path.is_file():
            break
    else:
        return {}, None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        groups, rule = [list(map(str, group)) for group in content["groups"]], str(content["rule"])
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path}: not a groups file ({error!r}); it must hold"
            ' {"rule": "...", "groups": [["case_a", "case_b"], ...]}: fix or remove it.'
        ) from error
    unknown = sorted({name for group in groups for name in group} - set(cases))
    if unknown:
        raise DatasetError(
            f"{path}: {unknown[0]!r} is no case of this data set ({len(unknown)} such names); fix or remove the file."
        )
    pairs = ((group[0], name) for group in groups for name in group)
    return {name: group[0] for group in joined(pairs) for name in group}, rule


def raw_cases(folder: Path, ending: str) -> set[str]:
    """Names of all cases in a raw data set's folder, test cases too, by their first channel."""
    first = f"_0000{ending}"
    return {
        path.name[: -len(first)]
        for part in (TRAINING_IMAGES, HELD_OUT_IMAGES)
        for path in folder.glob(f"{part}/*{first}")
    }


def leaked_cases(
    splits: Sequence[Mapping[str, Sequence[str]]], folds: Iterable[int], clusters: Mapping[str, str]
) -> set[tuple[int, str]]:
    """The (fold, case) pairs whose cluster, or the case itself, is in that fold's training set too."""
    leaked = set()
    for fold in folds:
        trained = {clusters.get(name, name) for name in splits[fold]["train"]}
        leaked |= {(fold, name) for name in splits[fold]["val"] if clusters.get(name, name) in trained}
    return leaked
