"""Whether the splits are still those that the arms were trained on, as far as files tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.nnunet.names import SPLITS


def check_once(splits: Sequence[Mapping[str, Any]], folds: Sequence[int]) -> None:
    """Raise ComparisonError if a case is validated twice in one fold."""
    for fold in folds:
        twice = [case for case, count in Counter(splits[fold]["val"]).items() if count > 1]
        if twice:
            raise ComparisonError(
                f"{SPLITS}: fold {fold} validates {twice[0]} twice ({len(twice)} such cases); name each case once."
            )


def check_numbers(arm: Arm, folds: Sequence[int], splits: Sequence[Mapping[str, Any]]) -> None:
    """Raise ComparisonError if a training's log tells other numbers of cases than the splits have now."""
    for run in arm.runs:
        for fold in folds:
            told = run.log(fold).split
            now = len(splits[fold]["train"]), len(splits[fold]["val"])
            if told is not None and told != now:
                raise ComparisonError(
                    f"{arm.name}, fold {fold} in {run.root}: it was trained on {told[0]} and validated on {told[1]}"
                    f" cases, but {SPLITS} has {now[0]} and {now[1]} now; restore the file, or train again."
                )


def newer_splits(every: Sequence[Arm], folds: Sequence[int], path: Path) -> list[str]:
    """A sentence if splits_final.json is newer than trainings: then their training cases cannot be known."""
    written = path.stat().st_mtime
    older = sum(run.checkpoint(fold).stat().st_mtime < written for arm in every for run in arm.runs for fold in folds)
    if not older:
        return []
    return [
        f"{SPLITS} is newer than {older} of the trainings: that it is what they were trained on is assumed, except for"
        " the numbers of cases and the names of those validated."
    ]
