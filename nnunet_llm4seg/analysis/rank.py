"""Spectrum of the token features: entropy H, effective rank exp(H) and LSVR.

For features X of shape (N tokens, C channels), not centred, with singular values s_i and p_i = s_i / sum(s):
H = -sum p_i ln p_i (what LLM4Seg, arXiv 2506.18034, prints), exp(H) (the effective rank of Roy and Vetterli, EUSIPCO
2007, what its figure must show), LSVR = -ln p_1. See docs/analysis.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spectrum:
    """Attributes:
    entropy: H in nats, 0 to ln(rank_bound).
    effective_rank: exp(H), 1 to rank_bound.
    lsvr: -ln of the largest singular value's share, 0 for a matrix of rank one.
    rank_bound: min(N, C), the largest effective rank that features of this shape can have.
    """

    entropy: float
    effective_rank: float
    lsvr: float
    rank_bound: int


def spectrum(features: np.ndarray) -> Spectrum:
    """Spectrum of features (N, C); all numbers are nan for a matrix of zeros."""
    values = np.linalg.svd(np.asarray(features, np.float64), compute_uv=False)
    bound = min(features.shape)
    total = values.sum()
    if total == 0:
        return Spectrum(math.nan, math.nan, math.nan, bound)
    shares = values / total
    present = shares[shares > 0]
    entropy = max(0.0, float(-(present * np.log(present)).sum()))
    return Spectrum(entropy, math.exp(entropy), max(0.0, float(-np.log(shares[0]))), bound)
