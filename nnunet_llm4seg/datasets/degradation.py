"""How a data set is made worse, the name that it gets, and the record of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.datasets.label_noise import LabelNoise
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet.files import json_or_none

RECORD = "degraded.json"  # in the data set's folder


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """What is made worse: exactly one of the first two.

    Attributes:
        train_fraction: Share of each fold's training cases that is kept, between 0 and 1.
        seed: Smaller fractions are subsets of larger ones with the same seed.
    """

    train_fraction: float | None = None
    label_noise: LabelNoise | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.train_fraction is None) == (self.label_noise is None):
            raise ConfigError(
                "degrade takes either a train fraction, such as 0.1, or a label noise, such as eroded:2."
            )
        if self.train_fraction is not None and not 0 < self.train_fraction < 1:
            raise ConfigError(
                f"train fraction: {self.train_fraction:g} is not allowed; give a share between 0 and 1, such as 0.1."
            )
        if self.seed < 0:
            raise ConfigError(f"seed: {self.seed} is not allowed; give a whole number of at least 0.")

    def folder_name(self, dataset_id: int, source: str) -> str:
        """`Dataset201_BUSI_train10` from 201 and `Dataset101_BUSI`."""
        if self.label_noise is not None:
            share = 100 if self.label_noise.kind == "dropped" else 1
            what = f"{self.label_noise.kind}{share * self.label_noise.strength:g}"
        else:
            assert self.train_fraction is not None
            what = f"train{100 * self.train_fraction:g}"
        seed = f"_seed{self.seed}" if self.seed else ""
        return f"Dataset{dataset_id:03d}_{source.partition('_')[2]}_{what.replace('.', 'p')}{seed}"

    def arguments(self, source: str) -> dict[str, Any]:
        """What the data set is made from, as it is recorded in it.

        Args:
            source: The full name of the data set that is made worse.
        """
        noise = None if self.label_noise is None else str(self.label_noise)
        return {"source": source, "train_fraction": self.train_fraction, "label_noise": noise, "seed": self.seed}


def refuse_other(folder: Path, source: str, how: Degradation) -> None:
    """Raise DatasetError if `folder` was not made from `source` in this way."""
    found = json_or_none(folder / RECORD)
    wanted = how.arguments(source)
    if not isinstance(found, dict) or {key: found.get(key) for key in wanted} != wanted:
        raise DatasetError(f"{folder} is there, and was not made by this degrade; remove it or choose another number.")
