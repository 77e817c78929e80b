"""A copied run would count as a second run without noise: such runs are refused, fold by fold."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from itertools import combinations

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run


def check_checkpoints_differ(arm: Arm, folds: Sequence[int]) -> None:
    """Raise ComparisonError if two runs of the arm have the same final checkpoint in a fold."""
    for fold in folds:
        for one, other in combinations(arm.runs, 2):
            if filecmp.cmp(one.checkpoint(fold), other.checkpoint(fold), shallow=False):
                raise copied(arm, fold, one, other, "the same checkpoint")


def check_predictions_differ(arm: Arm, folds: Sequence[int], digests: Sequence[Sequence[bytes]]) -> None:
    """Raise ComparisonError if two runs of the arm predict exactly the same in a fold, other than nothing at all.

    Args:
        folds: fold of each slot (P).
        digests: of each run, the digests of its predictions (P); empty bytes for an empty prediction.
    """
    for fold in sorted(set(folds)):
        at = [p for p, of in enumerate(folds) if of == fold]
        for i, j in combinations(range(len(arm.runs)), 2):
            found = [digests[i][p] for p in at]
            if any(found) and found == [digests[j][p] for p in at]:
                raise copied(arm, fold, arm.runs[i], arm.runs[j], "exactly the same predictions")


def copied(arm: Arm, fold: int, one: Run, other: Run, what: str) -> ComparisonError:
    """The error for two runs that are the same."""
    return ComparisonError(
        f"{arm.name}, fold {fold}: {one.root} and {other.root} have {what}; a copy is no run, so omit one root from"
        " --runs, or train this fold again."
    )
