"""What training logs say about a fold: losses, pseudo Dice, seconds per epoch, peak memory, the layer's share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_llm4seg.nnunet.shares import read_share_line

_STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: +"
_LINE = re.compile(
    _STAMP + r"(?:(?P<epoch>Epoch (\d+)\s*$)|"
    r"(?P<name>train_loss|val_loss|Pseudo dice|Epoch time:|Peak memory:|LLM4Seg: share|This split has)\s+(.*))"
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?|\bnan\b")


@dataclass
class TrainingLog:
    """Values by epoch; an epoch that was trained twice (in continued runs) keeps the later value.

    `split` is the number of training and of validation cases that the last log with an epoch tells.
    """

    train_loss: dict[int, float] = field(default_factory=dict)
    val_loss: dict[int, float] = field(default_factory=dict)
    pseudo_dice: dict[int, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    layer_share: dict[int, float] = field(default_factory=dict)
    gate: dict[int, float] = field(default_factory=dict)
    peak_memory_mb: float | None = None
    split: tuple[int, int] | None = None

    @property
    def epochs(self) -> int:
        """The number of epochs that are finished."""
        return max(self.seconds, default=-1) + 1

    def recent_seconds(self, count: int = 5) -> float | None:
        """Mean length of the last `count` epochs, or None before the first is finished."""
        recent = [self.seconds[epoch] for epoch in sorted(self.seconds)[-count:]]
        return sum(recent) / len(recent) if recent else None


def read_training_log(fold: Path) -> TrainingLog:
    """All `training_log_*.txt` of a fold's folder, oldest first; an empty log if there is none."""
    log = TrainingLog()
    by_name = {"train_loss": log.train_loss, "val_loss": log.val_loss, "Epoch time:": log.seconds}
    epoch = 0
    for path in sorted(fold.glob("training_log_*.txt")):
        split = None
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            match = _LINE.match(line)
            if match is None:
                continue
            if match["epoch"]:
                epoch = int(match[2])
                log.split = split or log.split
                continue
            if match["name"] == "LLM4Seg: share":
                share, gate = read_share_line(line) or (None, None)
                log.layer_share |= {} if share is None else {epoch: share}
                log.gate |= {} if gate is None else {epoch: gate}
                continue
            numbers = [float(text) for text in _NUMBER.findall(match[4])]
            if not numbers:
                continue
            if match["name"] == "This split has":
                split = (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None
            elif match["name"] == "Pseudo dice":
                log.pseudo_dice[epoch] = sum(numbers) / len(numbers)
            elif match["name"] == "Peak memory:":
                log.peak_memory_mb = max(numbers[0], log.peak_memory_mb or 0)
            else:
                by_name[match["name"]][epoch] = numbers[0]
    return log
