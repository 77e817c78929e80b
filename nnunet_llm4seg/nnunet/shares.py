"""The layer's share of the features in a training's log: how it is written, read and judged.

The share is the mean norm of what the path through the layer adds to the features, or puts in their place, divided by
the mean norm of the features.
"""

from __future__ import annotations

import math
import re

LEAST_SHARE = 0.02  # below it an arm is vanilla in disguise
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan"
_LINE = re.compile(rf"LLM4Seg: share ({_NUMBER}) % of the features' norm(?: \|\| gate ({_NUMBER}))?$")


def share_line(share: float, gate: float | None) -> str:
    """The line of an epoch: the share (0.02 is 2 %), and the gate's value where there is a gate."""
    percent = 100 * share
    digits = ".3g" if abs(percent) < 1000 else ".0f"  # without an exponent
    return f"LLM4Seg: share {percent:{digits}} % of the features' norm" + (
        "" if gate is None else f" || gate {gate:.3g}"
    )


def read_share_line(text: str) -> tuple[float, float | None] | None:
    """Share and gate of such a line, without its time; None if the text is another one."""
    match = _LINE.search(text.strip())
    if match is None:
        return None
    return float(match[1]) / 100, None if match[2] is None else float(match[2])


def share_warning(share: float) -> str | None:
    """What to say where a training ends with a share so small that its arm says nothing about the layer."""
    if math.isnan(share) or share >= LEAST_SHARE:
        return None
    return (
        f"at the end the path through the layer is {100 * share:.3g} % of the features' norm (below "
        f"{100 * LEAST_SHARE:g} %), so this arm says nothing about the layer; train longer, or with residual zero."
    )
