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
    def unit_names(self) -> list[str]:
        """The G units, in the order of their first slot: clusters, and cases that are in none."""
        return list(dict.fromkeys(self.clusters.get(name, name) for name in self.cases))

    @cached_property
    def case_at(self) -> np.ndarray:
        """Index of each slot's case in `case_names` (P,)."""
        return _indices(self.cases, self.case_names)

    @cached_property
    def fold_at(self) -> np.ndarray:
        """Index of each slot's fold in `fold_numbers` (P,)."""
        return _indices(self.folds, self.fold_numbers)

    @cached_property
    def unit_at(self) -> np.ndarray:
        """Index of each slot's unit in `unit_names` (P,)."""
        return _indices([self.clusters.get(name, name) for name in self.cases], self.unit_names)

    @cached_property
    def weight(self) -> np.ndarray:
        """Weight of each slot (P,): 1 / (N k) for a case validated in k folds; they sum to one."""
        counts = np.bincount(self.case_at)
        return 1 / (len(counts) * counts[self.case_at])

    def case_means(self, scores: np.ndarray) -> np.ndarray:
        """Means (..., N) over each case's slots, of scores (..., P)."""
        return _sums(scores, self.case_at) / np.bincount(self.case_at)

    def fold_parts(self, scores: np.ndarray) -> np.ndarray:
        """Contribution (..., F) of each fold to the mean over cases, of scores (..., P)."""
        return _sums(scores * self.weight, self.fold_at)

    def unit_parts(self, scores: np.ndarray) -> np.ndarray:
        """Contribution (..., G) of each unit to the mean over cases, of scores (..., P)."""
        return _sums(scores * self.weight, self.unit_at)

    @cached_property
    def stratum(self) -> np.ndarray:
        """Stratum of each unit (G,): the set of folds that validated it.

        A stratum of one unit has no variance, so all such strata are joined, and joined with the
        largest one if still only one unit is left (collapsed strata; Cochran, Sampling Techniques, 5A.12).
        """
        in_fold = np.zeros((len(self.unit_names), len(self.fold_numbers)), bool)
        in_fold[self.unit_at, self.fold_at] = True
        _, stratum, sizes = np.unique(in_fold, axis=0, return_inverse=True, return_counts=True)
        stratum = stratum.ravel()
        if len(sizes) > 1 and (sizes == 1).any():
            alone = sizes[stratum] == 1
            stratum = np.where(alone, sizes.argmax() if alone.sum() == 1 else len(sizes), stratum)
        return np.unique(stratum, return_inverse=True)[1].ravel()

    @cached_property
    def fold_share(self) -> np.ndarray:
        """Weight of each fold in the mean over cases (F,); they sum to one."""
        return self.fold_parts(np.ones(len(self.cases)))

    @cached_property
    def unit_share(self) -> np.ndarray:
        """Weight of each unit in the mean over cases (G,); they sum to one."""
        return self.unit_parts(np.ones(len(self.cases)))

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
            # The form in the units' effects is R'SR with R = diag(share) - uu', here as diag(a) - bu' - ub' + c uu'.
            u = share / np.sqrt(share.sum())
            a, b, c = share**2 * scale, share * scale * u, float(u @ (scale * u))
            uu, bu, bb = float(u @ u), float(b @ u), float(b @ b)
            first += float(a.sum()) - 2 * bu + c * uu
            second += float((a**2).sum() + 2 * (a @ (c * u**2 - 2 * b * u)))
            second += 2 * bb * uu + 2 * bu**2 + c**2 * uu**2 - 4 * c * bu * uu
        return first**2 / second if second else 0.0

    def unit_variance(self, scores: np.ndarray) -> np.ndarray:
        """Variance (...) of the mean over cases of scores (..., P), from the units inside their strata.

        The jackknife that omits one unit at a time inside its stratum. With equal units it is the ordinary stratified
        variance; with clusters of unequal size it is not too small when a few large ones dominate.
        """
        sums = self.unit_parts(scores)  # (..., G)
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


def _indices(of: Sequence, among: Sequence) -> np.ndarray:
    index = {value: i for i, value in enumerate(among)}
    return np.array([index[value] for value in of], dtype=int)


def _sums(scores: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Sums (..., K) of scores (..., P) over the slots of each index 0 .. K - 1, each of which occurs in `at` (P,)."""
    order = np.argsort(at, kind="stable")
    starts = np.flatnonzero(np.diff(at[order], prepend=-1))
    return np.add.reduceat(scores[..., order], starts, axis=-1)
