"""Which score belongs to which fold, case and cluster: the skeleton that all statistics share.

A slot is one case validated in one fold. Scores of an arm are arrays (..., S, P): S runs, P slots.
A case validated in k folds has k slots of weight 1/k, so it counts as one case. A unit is what is
exchangeable: the case, or the cluster of cases (near-duplicates, one patient) that it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Slots:
    """The slots, each with its fold and case (P entries each), and the cases' clusters.

    `clusters` maps a case's name to its cluster's name; a case that is not in it is a cluster of its own.
    `test_per_train` is the number of validation cases for each training case; None: as in a whole cross-validation.
    """

    folds: tuple[int, ...]
    cases: tuple[str, ...]
    clusters: Mapping[str, str]
    test_per_train: float | None = None

    @cached_property
    def case_names(self) -> list[str]:
        """Names of the N distinct cases, sorted."""
        return sorted(set(self.cases))

    @cached_property
    def fold_numbers(self) -> list[int]:
        """The F folds, sorted."""
        return sorted(set(self.folds))

    @cached_property
    def weight(self) -> np.ndarray:
        """Weight of each slot (P,): 1 / (N k) for a case validated in k folds; they sum to one."""
        counts = {name: self.cases.count(name) for name in self.case_names}
        return np.array([1 / (len(counts) * counts[name]) for name in self.cases])

    @cached_property
    def by_case(self) -> np.ndarray:
        """(P, N) matrix that averages a case's slots."""
        share = _membership(self.cases, self.case_names)
        return share / share.sum(0)

    @cached_property
    def by_fold(self) -> np.ndarray:
        """(P, F) matrix that turns scores into each fold's contribution to the mean over cases."""
        return _membership(self.folds, self.fold_numbers) * self.weight[:, None]

    @cached_property
    def by_unit(self) -> np.ndarray:
        """(P, G) matrix that turns scores into each unit's contribution to the mean over cases."""
        units = [self.clusters.get(name, name) for name in self.cases]
        return _membership(units, list(dict.fromkeys(units))) * self.weight[:, None]

    @cached_property
    def stratum(self) -> np.ndarray:
        """Stratum of each unit (G,): the set of folds that validated it.

        A stratum of one unit has no variance, so all such strata are joined, and joined with the
        largest one if still only one unit is left (collapsed strata; Cochran, Sampling Techniques, 5A.12).
        """
        in_fold = (self.by_unit > 0).T.astype(float) @ _membership(self.folds, self.fold_numbers) > 0
        _, stratum, sizes = np.unique(in_fold, axis=0, return_inverse=True, return_counts=True)
        stratum = stratum.ravel()
        if len(sizes) > 1 and (sizes == 1).any():
            alone = sizes[stratum] == 1
            stratum = np.where(alone, sizes.argmax() if alone.sum() == 1 else len(sizes), stratum)
        return np.unique(stratum, return_inverse=True)[1].ravel()

    @cached_property
    def fold_share(self) -> np.ndarray:
        """Weight of each fold in the mean over cases (F,); they sum to one."""
        return self.by_fold.sum(0)

    @cached_property
    def unit_share(self) -> np.ndarray:
        """Weight of each unit in the mean over cases (G,); they sum to one."""
        return self.by_unit.sum(0)

    @cached_property
    def effective_folds(self) -> float:
        """Number of equal folds whose variances between runs would be known equally well, 1 .. F."""
        squares = self.fold_share**2
        return float(squares.sum() ** 2 / (squares**2).sum())

    @cached_property
    def unit_df(self) -> float:
        """Degrees of freedom of `unit_variance`, from the effective number of units.

        With equal units they are the number of units minus the number of strata. Larger clusters have more weight, and
        so leave fewer: Satterthwaite's (tr BV)^2 / tr(BVBV) of the quadratic form B, where a unit's total has a
        variance proportional to its squared weight.
        """
        first = second = 0.0
        for inside, scale in self._jackknife:
            share = self.unit_share[inside]
            residual = np.diag(share) - np.outer(share, share) / share.sum()  # (G, G), of the units' effects
            of_effects = residual.T @ (scale[:, None] * residual)
            first += float(np.trace(of_effects))
            second += float((of_effects**2).sum())
        return first**2 / second if second else 0.0

    def unit_variance(self, scores: np.ndarray) -> np.ndarray:
        """Variance (...) of the mean over cases of scores (..., P), from the units inside their strata.

        The jackknife that omits one unit at a time inside its stratum. With equal units it is the ordinary stratified
        variance; with clusters of unequal size it is not too small when a few large ones dominate.
        """
        sums = scores @ self.by_unit  # (..., G)
        variance = np.zeros(sums.shape[:-1])
        for inside, scale in self._jackknife:
            share, of_unit = self.unit_share[inside], sums[..., inside]
            residual = of_unit - share * (of_unit.sum(-1, keepdims=True) / share.sum())
            variance = variance + (residual**2) @ scale
        return variance

    @cached_property
    def _jackknife(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each stratum, the indices of its units and the factors of their squared residuals.

        Without the unit g the stratum's part of the mean changes by r_g / (1 - share of g in its stratum).
        """
        parts = []
        for value in np.unique(self.stratum):
            inside = np.flatnonzero(self.stratum == value)
            share = self.unit_share[inside]
            count = len(inside)
            left = 1 - share / share.sum()
            parts.append((inside, (count - 1) / count / left**2 if count > 1 else np.zeros(1)))
        return parts

    def fold_means(self, scores: np.ndarray) -> np.ndarray:
        """Mean of each fold (F,) over its own validation cases and all runs, from scores (S, P)."""
        return np.array([scores[:, np.equal(self.folds, fold)].mean() for fold in self.fold_numbers])

    def without(self, leaked: set[tuple[int, str]]) -> tuple[Slots, np.ndarray]:
        """The slots without some (fold, case) slots, and the indices of the slots that remain."""
        pairs = list(zip(self.folds, self.cases, strict=True))
        keep = [i for i, pair in enumerate(pairs) if pair not in leaked]
        folds, cases = tuple(self.folds[i] for i in keep), tuple(self.cases[i] for i in keep)
        return replace(self, folds=folds, cases=cases), np.array(keep, dtype=int)


def _membership(of: Sequence, among: Sequence) -> np.ndarray:
    index = {value: i for i, value in enumerate(among)}
    matrix = np.zeros((len(of), len(among)))
    matrix[np.arange(len(of)), [index[value] for value in of]] = 1
    return matrix
