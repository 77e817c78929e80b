"""Data sets that a study makes from others before it preprocesses them, see `datasets.degrade`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_llm4seg.datasets.degradation import Degradation
from nnunet_llm4seg.datasets.label_noise import LabelNoise
from nnunet_llm4seg.errors import ConfigError, StudyError
from nnunet_llm4seg.study.reading import check_keys, take


@dataclass(frozen=True)
class Degraded:
    """One such data set: its source as given, and what is made worse."""

    source: str
    how: Degradation


def read_degraded(content: Any, datasets: Sequence[str], where: str) -> dict[str, Degraded]:
    """The entry `degrade:` of a study file, by the data set that it makes.

    Raises:
        StudyError: it names a data set that is not in `datasets`, or a key or value is not allowed.
    """
    where = f"{where}: degrade"
    if not isinstance(content, dict):
        raise StudyError(
            f"{where}: {content!r} is not allowed; write it as {{201: {{dataset: 101, train_fraction: 0.1}}}}."
        )
    found = {str(key): value for key, value in content.items()}
    check_keys(found, [dataset for dataset in datasets if dataset.isdecimal()], where)
    return {key: _read_one(value, found, f"{where}: {key}") for key, value in found.items()}


def _read_one(content: Any, made: dict[str, Any], where: str) -> Degraded:
    if not isinstance(content, dict):
        raise StudyError(f"{where}: {content!r} is not allowed; give dataset, and train_fraction or label_noise.")
    check_keys(content, ("dataset", "train_fraction", "label_noise", "seed"), where)
    source = str(take(content, "dataset", (int, str), where, "the data set that it is made from"))
    if source in made:
        raise StudyError(f"{where}: dataset: {source} is degraded itself; name the data set that it is made from.")
    fraction = take(content, "train_fraction", (int, float), where, "a share such as 0.1", None)
    noise = take(content, "label_noise", str, where, "KIND:STRENGTH, such as eroded:2", None)
    seed = take(content, "seed", int, where, "a whole number of at least 0", 0)
    try:
        parsed = None if noise is None else LabelNoise.parse(noise)
        return Degraded(source, Degradation(train_fraction=fraction, label_noise=parsed, seed=seed))
    except ConfigError as error:
        raise StudyError(f"{where}: {error}") from error
