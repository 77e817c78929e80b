"""The probability that a claim is false, from the scores per case, as the tool Claims Reloaded computes it."""

from __future__ import annotations

import numpy as np

from nnunet_llm4seg.evaluation.statistics.distributions import t_tail


def probability_of_false_claim(differences: np.ndarray) -> float:
    """Posterior probability that the true mean of paired differences (N,) is not above zero, with flat priors.

    The posterior of a mean of normal differences is a t distribution with N - 1 degrees of freedom (Christodoulou et
    al., arXiv 2505.04720). It knows one trained model per method: the noise between runs is ignored, so that it is too
    small as a statement about methods. nan for fewer than two differences.

    >>> round(probability_of_false_claim(np.array([0.01, 0.02, 0.03, -0.01])), 3)
    0.12
    """
    if len(differences) < 2:
        return float("nan")
    mean, se = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))
    if se == 0:
        return float(mean <= 0)
    return float(t_tail(mean / se, len(differences) - 1))
