"""The ladder of claims: claims in their order, of which each is tested only if the ones before were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from nnunet_llm4seg.evaluation.report.fragments import Parts, fragment

Outcome = Literal["shown", "not shown", "not tested"]


@dataclass(frozen=True)
class Step:
    """One claim.

    Attributes:
        claim: for example `frozen > vanilla`.
        outcome: `not tested`: a step before it was not shown.
        value: difference, interval and p.
        why: one sentence, for example what the step would mean.
    """

    claim: str
    outcome: Outcome
    value: Parts = ()
    why: str = ""


def draw_ladder(title: str, steps: Sequence[Step]) -> Markup:
    """The claims as a list, in their order.

    >>> drawn = draw_ladder("Claims", [Step("frozen > vanilla", "shown"), Step("frozen > shuffled", "not tested")])
    >>> drawn.count("<li"), "not tested" in drawn
    (2, True)
    """
    return fragment("ladder", title=title, steps=steps)
