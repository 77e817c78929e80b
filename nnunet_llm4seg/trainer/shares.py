"""The layer's share of the features, epoch by epoch, in nnU-Net's logger and so in every checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.bottleneck import LLMBottleneck

SHARE, GATE = "llm4seg_share", "llm4seg_gate"


@dataclass
class ShareWatch:
    """The shares of the present epoch, see `LLMBottleneck.share`; under DDP those of this process."""

    total: float = 0.0
    steps: int = 0

    def look(self, bottleneck: LLMBottleneck) -> None:
        """Look at a step that was just made; nnU-Net has waited for its loss, so this costs nothing."""
        share = math.nan if bottleneck.share is None else bottleneck.share.item()
        if math.isfinite(share):  # a step that GradScaler skipped has none
            self.total += share
            self.steps += 1

    def finish_epoch(self) -> float:
        """The mean over the epoch, nan if no step had a share; forgets it."""
        mean = self.total / self.steps if self.steps else math.nan
        self.total, self.steps = 0.0, 0
        return mean


def log_share(logger: Any, share: float, gate: float | None, epoch: int) -> None:
    """Put an epoch's share, and the gate where there is one, into nnU-Net's logger.

    The logger knows only nnU-Net's own keys, and plots as many epochs as its shortest list has: epochs before ours,
    such as those of an older checkpoint, are nan.
    """
    for key, value in ((SHARE, share), (GATE, gate)):
        if value is not None:
            values = logger.get_checkpoint().setdefault(key, [])
            values.extend([math.nan] * (epoch - len(values)))
            logger.log(key, value, epoch)


def last_share(logger: Any) -> float:
    """The share of the last epoch in nnU-Net's logger; nan if there is none."""
    values = logger.get_checkpoint().get(SHARE, [])
    return values[-1] if values else math.nan
