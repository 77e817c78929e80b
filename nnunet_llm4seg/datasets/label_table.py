"""Masks of several classes: which stored values, palette indices or colours become which label."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.stored_masks import StoredMask
from nnunet_llm4seg.errors import ConfigError, DatasetError

BACKGROUND = "background"
IGNORE = "ignore"  # nnU-Net excludes these pixels from training, and requires the highest label for them
_EXAMPLE = "'background=0,disc=128,cup=255', or with colours 'background=#000000,vessel=#ff0000'"

Value = int | tuple[int, int, int]  # a stored value or palette index, or a colour


@dataclass(frozen=True)
class LabelTable:
    """The values of every class, background first, `ignore` last."""

    classes: tuple[tuple[str, tuple[Value, ...]], ...]

    @property
    def labels(self) -> dict[str, int]:
        """nnU-Net's label by class."""
        return {name: label for label, (name, _) in enumerate(self.classes)}

    def decode(self, mask: StoredMask) -> np.ndarray:
        """Labels as (H, W) uint8.

        Raises:
            DatasetError: a JPEG file, which does not keep values, or one with values that no class has.
        """
        if mask.lossy:
            raise DatasetError(f"{mask.path} is a JPEG file, which does not keep values apart; save masks as PNG.")
        coloured = any(isinstance(value, tuple) for _, values in self.classes for value in values)
        stored = mask.colours() if coloured else mask.values()
        if stored is None:
            raise DatasetError(f"{mask.path} holds colours; give them to --labels, such as {_EXAMPLE}.")
        label_of = {
            _packed(value) if coloured else value: label
            for label, (_, values) in enumerate(self.classes)
            for value in values
        }
        codes = stored.astype(np.int64) @ _WEIGHTS if coloured else stored
        found, inverse = np.unique(codes, return_inverse=True)
        if unknown := [_spelled(value, coloured) for value in found.tolist() if value not in label_of]:
            raise DatasetError(
                f"{mask.path} holds {', '.join(unknown[:8])}{' and more' if len(unknown) > 8 else ''}, which --labels "
                "does not name; add these values to a class (name=1+2 gives it two)."
            )
        lookup = np.array([label_of[value] for value in found.tolist()], dtype=np.uint8)
        return lookup[inverse].reshape(codes.shape)


def read_table(labels: str) -> LabelTable:
    """Read a table given inline (`name=value,name=value+value`), or a .json or .csv file by its name.

    JSON is an object of values, or lists of values, by name; CSV has rows of name and value. Values are numbers or
    colours such as #ff0000.

    Raises:
        ConfigError: it cannot be read, lacks the background, or names a value twice.
    """
    if labels.lower().endswith((".json", ".csv")):
        rows = _file_rows(Path(labels))
    else:
        pairs = [entry.rpartition("=") for entry in labels.split(",")]
        rows = [(name.strip(), value) for name, _, values in pairs for value in values.split("+")]
    classes: dict[str, list[Value]] = {}
    for name, value in rows:
        classes.setdefault(name, []).append(_value(value, labels))
    twice = [
        str(value) for value, count in Counter(v for values in classes.values() for v in values).items() if count > 1
    ]
    if twice or BACKGROUND not in classes or len(classes) < 2 or "" in classes or len(classes) > 255:
        reason = f"{twice[0]} is named twice" if twice else "it takes a background and at least one class more"
        raise ConfigError(f"--labels {labels!r} is not allowed ({reason}); give for example {_EXAMPLE}.")
    order = sorted(classes, key=lambda name: (name != BACKGROUND, name == IGNORE))  # else as given
    return LabelTable(tuple((name, tuple(classes[name])) for name in order))


def suggestion(values: Iterable[Value]) -> str:
    """An option to copy, for the values found in masks."""
    spelled = [_spelled(_packed(value), True) if isinstance(value, tuple) else str(value) for value in values]
    named = (f"{f'class_{n}' if n else BACKGROUND}={value}" for n, value in enumerate(spelled))
    return f"--labels '{','.join(named)}'"


_WEIGHTS = np.array([65536, 256, 1])


def _packed(value: Value) -> int:
    red, green, blue = value if isinstance(value, tuple) else (value, value, value)
    return red * 65536 + green * 256 + blue


def _spelled(value: int, coloured: bool) -> str:
    return f"#{value:06x}" if coloured else str(value)


def _file_rows(path: Path) -> list[tuple[str, object]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            rows = [[entry.strip() for entry in row] for row in csv.reader(text.splitlines()) if row]
            return [(name, value) for name, value in rows if (name, value) != ("name", "value")]
        content = json.loads(text)
        if not isinstance(content, Mapping):
            raise ValueError("no object")
        return [
            (n, value) for n, values in content.items() for value in (values if isinstance(values, list) else [values])
        ]
    except (OSError, ValueError) as error:
        raise ConfigError(f"--labels: {path} is no table of names and values ({error}); write one.") from error


def _value(value: object, labels: str) -> Value:
    text = str(value).strip()
    try:
        if text.startswith("#") and len(text) == 7:
            return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
        if (number := int(text)) >= 0:
            return number
    except ValueError:
        pass
    raise ConfigError(f"--labels {labels!r}: {text!r} is neither a value nor a colour; give for example {_EXAMPLE}.")
