"""Folds for nnU-Net's splits_final.json: published ones from lists, or five with groups kept together."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Fold
from nnunet_llm4seg.datasets.finding import IMAGE_ENDINGS
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError

_LIST = re.compile(r"(?:.*[_-])?(?P<part>train|val)(?P<number>\d*)\.txt", re.IGNORECASE)
_MOST_CLASSES = 20  # a prefix with more values than this is not a class


def read_lists(*folders: Path) -> tuple[list[Fold], list[str]]:
    """Folds from `*_train1.txt` and `*_val1.txt` (or without a number) in these folders, and the files' names.

    Raises:
        DatasetError: there are no lists, or a list has no partner or occurs twice.
    """
    lists: dict[int, dict[str, Path]] = {}
    for path in sorted({path for folder in folders for path in folder.glob("*.txt")}):
        if match := _LIST.fullmatch(path.name):
            parts = lists.setdefault(int(match["number"] or 0), {})
            if other := parts.get(match["part"].lower()):
                raise DatasetError(f"{other} and {path.name} are lists for the same fold; move one of them away.")
            parts[match["part"].lower()] = path
    if not lists:
        raise DatasetError(
            f"{folders[0]} holds no lists such as train.txt and val.txt, or x_train1.txt and x_val1.txt; "
            "put the published lists there, or use --splits 5fold."
        )
    folds, names = [], []
    for _, parts in sorted(lists.items()):
        if len(parts) == 1:
            (alone,) = parts.values()
            raise DatasetError(f"{alone} is a list without its partner; a fold takes a train and a val list.")
        folds.append((_entries(parts["train"]), _entries(parts["val"])))
        names += [parts["train"].name, parts["val"].name]
    return folds, names


def _entries(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is no text in UTF-8; save it as such and start again.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def published_folds(published: list[Fold], names: Mapping[str, str]) -> list[Fold]:
    """Published folds with the new names of the training cases.

    Raises:
        DatasetError: a list names a case that does not exist, or names a case twice.
    """
    folds = []
    for number, fold in enumerate(published):
        found = {name: _known(name, names) for part in fold for name in part}
        if unknown := [name for name, known in found.items() if known is None]:
            raise DatasetError(
                f"the lists of fold {number} name {len(unknown)} cases that are not there: {some(unknown)}; "
                "complete the data set or correct the lists."
            )
        both = [known for part in fold for name in part if (known := found[name]) is not None]
        if twice := [name for name, count in Counter(both).items() if count > 1]:
            raise DatasetError(f"the lists of fold {number} name {some(twice)} more than once; correct the lists.")
        cut = len(fold[0])
        folds.append((sorted(both[:cut]), sorted(both[cut:])))
        if not all(folds[-1]):
            raise DatasetError(f"a list of fold {number} is empty; download the lists again.")
    return folds


def _known(entry: str, names: Mapping[str, str]) -> str | None:
    if entry in names:
        return names[entry]
    file = Path(entry.replace("\\", "/"))
    return names.get(file.stem) if file.suffix.lower() in IMAGE_ENDINGS else None


def five_folds(classes: Mapping[str, str | None], groups: Iterable[Iterable[str]], *, seed: int) -> list[Fold]:
    """Five folds with every group in one of them and the classes spread evenly.

    Groups go, largest first and otherwise in seeded random order, to the fold that has the fewest of their classes.

    Args:
        classes: class of every case.
        groups: disjoint groups; every other case is a group of its own.

    Raises:
        DatasetError: fewer than five groups.
    """
    units = [sorted(group) for group in groups]
    grouped = {case for unit in units for case in unit}
    units += [[case] for case in sorted(classes) if case not in grouped]
    if len(units) < 5:
        raise DatasetError(
            f"{len(classes)} cases in {len(units)} groups cannot make 5 folds; add cases or group them less."
        )
    units.sort()
    random.Random(seed).shuffle(units)
    units.sort(key=len, reverse=True)
    total = Counter(classes.values())
    counts: list[Counter[str | None]] = [Counter() for _ in range(5)]
    folds: list[list[str]] = [[] for _ in range(5)]

    def fullness(fold: int, unit: list[str]) -> tuple[float, int]:
        return sum(counts[fold][classes[case]] / total[classes[case]] for case in unit), len(folds[fold])

    for unit in units:
        fold = min(range(5), key=lambda fold: fullness(fold, unit))
        folds[fold] += unit
        counts[fold].update(classes[case] for case in unit)
    return [(sorted(set(classes) - set(validation)), sorted(validation)) for validation in folds]


def classes_from_names(names: Iterable[str]) -> dict[str, str | None]:
    """The word that each name begins with (`benign (1)`: benign) if these words are classes, else None for all.

    They are if there are 2 to 20 words, each with at least five cases.
    """
    words = {name: match[0].lower() if (match := re.match(r"[A-Za-z]+", name)) else None for name in names}
    counts = Counter(words.values())
    if None in counts or not 2 <= len(counts) <= _MOST_CLASSES or min(counts.values()) < 5:
        return dict.fromkeys(words)
    return words


def pairs_cut(pairs: Iterable[tuple[str, str]], fold: Fold) -> int:
    """How many pairs have one case in training and the other in validation."""
    training, validation = map(set, fold)
    return sum((a in training and b in validation) or (b in training and a in validation) for a, b in pairs)
