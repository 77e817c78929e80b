"""Measured values, kept beside the report, so that a second report measures only what is new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.evaluation.metrics import NAMES, VERSION
from nnunet_llm4seg.evaluation.prediction import PredictionMeasured
from nnunet_llm4seg.files import written_whole

NAME = "measured.json"
_LARGEST = 512 * 2**20
_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


class Kept:
    """What was measured before of predictions, by the content of both files and by how they are measured.

    The file is only a memory: what is not understood in it is not used, and `refused` says why. It holds numbers of
    this package's own; whoever can write it could change the report itself.

    Args:
        path: the file; it need not exist.
        labels, tolerance, reader: how is measured; other labels, tolerances, readers and versions of the metrics are
            other values.
    """

    def __init__(self, path: Path, labels: Labels, tolerance: float | None, reader: str) -> None:
        self.path = path
        how = [VERSION, NAMES, list(labels.regions.items()), labels.ignore, tolerance, reader]
        self._how = json.dumps(how).encode()
        self._known: dict[str, PredictionMeasured] = {}
        self._used: set[str] = set()
        self.refused = ""
        self._digest = lru_cache(maxsize=None)(digest)
        try:
            if path.is_file():
                self._known = _read(path, len(labels.regions))
        except _BROKEN as error:
            self.refused = f"{path} is not used, and everything is measured again: {type(error).__name__}: {error}"

    def look_up(self, reference: Path, predictions: Sequence[Path]) -> dict[Path, PredictionMeasured]:
        """Those of a reference's predictions that are known."""
        keys = {path: self._key(reference, path) for path in predictions}
        self._used |= set(keys.values())
        return {path: self._known[key] for path, key in keys.items() if key in self._known}

    def add(self, reference: Path, measured: Mapping[Path, PredictionMeasured]) -> None:
        for path, found in measured.items():
            self._known[self._key(reference, path)] = found

    def write(self) -> None:
        """Write what was looked up or added; what no prediction needed is dropped.

        Raises:
            OSError: the file cannot be written.
        """
        content = {key: found.to_json() for key, found in self._known.items() if key in self._used}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(self.path) as part:
            part.write_text(json.dumps({"version": VERSION, "measured": content}) + "\n", encoding="utf-8")

    def _key(self, reference: Path, prediction: Path) -> str:
        parts = (self._how, self._digest(reference), self._digest(prediction))
        return hashlib.blake2b(b"\0".join(parts), digest_size=20).hexdigest()


def digest(path: Path) -> bytes:
    """Tells the contents of files apart."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=32).digest()
    except OSError:  # no such file, or unreadable: measuring says so
        return b"unreadable"


def _read(path: Path, labels: int) -> dict[str, PredictionMeasured]:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["version"] != VERSION:
        return {}
    found = {}
    for key, entry in content["measured"].items():
        if len(entry[1]) == labels:  # of other labels: their keys cannot be asked for
            found[key] = PredictionMeasured.from_json(entry, labels)
    return found
