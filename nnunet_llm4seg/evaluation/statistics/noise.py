"""The baseline against itself over several data sets: what the random seed alone makes of their average."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from nnunet_llm4seg.evaluation.statistics.slots import Slots


def largest_of_average(baselines: Sequence[tuple[np.ndarray, Slots]]) -> float | None:
    """The largest difference between two runs of the mean over data sets; None with one run on any of them.

    Args:
        baselines: scores (S, P) by data set; the first runs that all of them have are compared.

    >>> slots = Slots((0, 0), ("a", "b"), {})
    >>> scores = np.array([[0.5, 0.7], [0.6, 0.7]])
    >>> round(largest_of_average([(scores, slots), (scores, slots)]), 3)
    0.05
    """
    runs = min(len(scores) for scores, _ in baselines)
    means = np.mean([scores[:runs] @ slots.weight for scores, slots in baselines], axis=0)
    return max((float(abs(one - other)) for one, other in combinations(means, 2)), default=None)
