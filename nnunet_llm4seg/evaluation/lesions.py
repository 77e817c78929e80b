"""Detection of lesions: connected components of prediction and reference, matched one to one by their overlap.

Voxels that touch by a face, edge or corner are one component (8 neighbours in 2D, 26 in 3D). Pairs with an IoU of at
least 0.1 are matched from the largest IoU on, each component at most once. No library is used for it: panoptica 2.1
would install numpy and rich in older versions than an environment of nnU-Net has, and pandas and plotly with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_IOU = 0.1


@dataclass(frozen=True)
class Detected:
    """Numbers of components: matched pairs, of the prediction, of the reference."""

    matched: int
    predicted: int
    true: int

    @property
    def f1(self) -> float:
        return 2 * self.matched / (self.predicted + self.true)

    @property
    def false_positives(self) -> int:
        return self.predicted - self.matched


def detect(prediction: np.ndarray, reference: np.ndarray) -> Detected:
    """Match the components of two masks of one shape.

    >>> two = np.array([[1, 0, 1, 0, 0]], bool)
    >>> detect(np.array([[1, 0, 0, 0, 1]], bool), two)
    Detected(matched=1, predicted=2, true=2)
    """
    from scipy.ndimage import label

    touching = np.ones((3,) * prediction.ndim, bool)
    (first, predicted), (second, true) = (label(mask, touching) for mask in (prediction, reference))
    sizes = [np.bincount(of.ravel(), minlength=1) for of in (first, second)]
    both = prediction & reference
    keys, common = np.unique(first[both].astype(np.int64) * (true + 1) + second[both], return_counts=True)
    of_prediction, of_reference = np.divmod(keys, true + 1)
    iou = common / (sizes[0][of_prediction] + sizes[1][of_reference] - common)
    used: tuple[set[int], set[int]] = set(), set()
    for at in np.argsort(-iou, kind="stable"):
        p, t = int(of_prediction[at]), int(of_reference[at])
        if iou[at] >= MIN_IOU and p not in used[0] and t not in used[1]:
            used[0].add(p)
            used[1].add(t)
    return Detected(len(used[0]), int(predicted), int(true))
