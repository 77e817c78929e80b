"""Made-up scores and their slots."""

import numpy as np

from nnunet_llm4seg.evaluation.statistics.slots import Slots


def slots(folds=4, cases=10, clusters=None):
    names = tuple(f"c{i:03d}" for i in range(folds * cases))
    return Slots(tuple(np.repeat(range(folds), cases).tolist()), names, clusters or {})


def scores(runs, count=40, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(0.8 + shift, 0.05, (runs, count))
