"""What is measured of one prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.evaluation.metrics import EMPTY, METRICS


@dataclass(frozen=True)
class PredictionMeasured:
    """One prediction against its reference.

    Attributes:
        values: metrics of each label (L, M).
        empty: of each label, which mask was empty.
        volumes: of the reference's labels.
        digest: tells predictions apart; that of an empty one is empty.
    """

    values: tuple[tuple[float, ...], ...]
    empty: tuple[str, ...]
    volumes: tuple[float, ...]
    digest: bytes

    def to_json(self) -> list[Any]:
        return [self.values, self.empty, self.volumes, self.digest.hex()]

    @classmethod
    def from_json(cls, content: Any, labels: int) -> PredictionMeasured:
        """From `to_json`'s lists, of which nothing is trusted.

        Raises:
            ValueError: they are not what `to_json` writes for so many labels.
        """
        values, empty, volumes, digest = content
        rows = tuple(tuple(map(_number, row)) for row in values)
        found = cls(rows, tuple(empty), tuple(map(_number, volumes)), bytes.fromhex(digest))
        right = len(rows) == len(found.empty) == len(found.volumes) == labels and len(found.digest) in (0, 16)
        if not right or any(len(row) != len(METRICS) for row in rows) or not set(found.empty) <= set(EMPTY):
            raise ValueError("not the measurements of a prediction")
        for row in rows:
            for metric, value in zip(METRICS, row, strict=True):
                if not metric.lowest <= value <= metric.highest:
                    raise ValueError(f"{metric.name} cannot be {value}")
        return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
