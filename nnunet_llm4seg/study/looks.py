"""The looks that were taken at a study's claims, kept in its folder; earlier looks leave less to later ones."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.evaluation.statistics.looks import Look, next_level
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.study.locks import HeldElsewhereError, held

FILE = "looks.json"
_PATIENCE_S = 60.0


@contextmanager
def looking(folder: Path) -> Iterator[Looks]:
    """The record of a study's looks: read, decided on, and written under a lock, so that two reports lose no look.

    Raises:
        StudyError: the file is damaged, or another report holds it for a minute.
    """
    try:
        with held(folder / ".looks.lock", _PATIENCE_S):
            looks = Looks(folder)
            yield looks
            looks.write()
    except HeldElsewhereError as error:
        raise StudyError(
            f"{folder / FILE} is being written by another `llm4seg study report`; run this one again after it."
        ) from error


class Looks:
    """The record of a study's looks, by claim."""

    def __init__(self, folder: Path) -> None:
        """Read `looks.json` of a study's folder; without it nothing was looked at.

        Raises:
            StudyError: the file is damaged.
        """
        self.path = folder / FILE
        self.by_claim: dict[str, list[dict[str, Any]]] = {}
        if not self.path.is_file():
            return
        try:
            self.by_claim = read_json(self.path)
            for look in [look for looks in self.by_claim.values() for look in looks]:
                _check(look["information"], look["level"])
        except (DatasetError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise StudyError(
                f"{self.path} is damaged ({error!r}); restore it, because earlier looks decide what may be claimed."
            ) from error

    def level(self, claim: str, information: float) -> float:
        """The level of a claim's test now.

        Args:
            information: share of the planned trainings that the look sees.
        """
        earlier = [Look(look["information"], look["level"]) for look in self.by_claim.get(claim, [])]
        return next_level(earlier, information)

    def record(self, claim: str, information: float, verdict: str) -> None:
        """Add a look; without new trainings it is no look."""
        looks = self.by_claim.setdefault(claim, [])
        if not any(look["information"] == information for look in looks):
            level = self.level(claim, information)
            when = time.strftime("%Y-%m-%d %H:%M:%S %z")
            looks.append({"when": when, "information": information, "level": level, "verdict": verdict})

    def write(self) -> None:
        write_json(self.path, self.by_claim)


def _check(information: float, level: float) -> None:
    """Raise ValueError where the numbers of a look are not possible."""
    if not (0 < information < math.inf and 0 <= level <= 1):
        raise ValueError(f"a look at {information} of the information, at the level {level}")
