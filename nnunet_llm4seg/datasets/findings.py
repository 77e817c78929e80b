"""What a data set's labels and names show: classes and their shares, mistakes, hints."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from nnunet_llm4seg.datasets.case_runs import Cases
from nnunet_llm4seg.datasets.found import Found
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError

_PREFIX = re.compile(r"(.+)[_-][^_-]+")
_NEAR = 24  # values of foreground that differ by less may be one value and its noise


def class_sentences(found: Found, cases: Cases) -> list[str]:
    """Pixel or voxel shares of the labels, and labels that no training case contains."""
    counts = cases.counts()
    if not np.ndim(counts) or not counts.sum():
        return []
    what = "voxels" if found.volumes else "pixels"
    shares = ", ".join(f"{name} {counts[n] / counts.sum():.2%}" for name, n in found.dataset.labels.items())
    training = _training_counts(found, cases)
    absent = [name for name, n in found.dataset.labels.items() if n and not training[n]]
    lines = [f"share of {what}: {shares}"]
    if absent:
        lines.append(f"no training label holds {some(absent, limit=20)}; nothing can be learnt about these classes")
    return lines


def refuse_useless_labels(found: Found, cases: Cases) -> None:
    """Refuse labels whose mistake is visible only in all cases together.

    Raises:
        DatasetError: all training labels are empty, or foreground has different values in different masks.
    """
    training = _training_counts(found, cases)
    healthy = all(case.healthy for case in found.dataset.cases if not case.test)
    if not training[1:].any() and not healthy:
        raise DatasetError(
            f"the labels of all {len(found.training)} training cases are empty: look at {_first_mask(found)}, and "
            "give masks that show the foreground bright on black, or the values of their classes with --labels."
        )
    unusual = {name: result.foreground for name, result in cases.results.items() if result.foreground}
    usual = [n for n, r in cases.results.items() if n not in unusual and r.counts is not None and _partial(r.counts)]
    if not unusual:
        return
    first, *others = unusual
    other = next((name for name in others if not _near(unusual[name], unusual[first])), usual[0] if usual else None)
    if other is None or (other in usual and _near(unusual[first], (255,))):
        return
    kept = dict(found.named())
    values = [_spelled(unusual.get(name)) for name in (first, other)]
    raise DatasetError(
        f"the foreground of {kept[first].masks[0]} is {values[0]} and that of {kept[other].masks[0]} {values[1]}: "
        "these may be two classes. `llm4seg convert folder` takes --labels; one class has both values with "
        "'background=0,foreground=VALUE+VALUE'."
    )


def hints(found: Found) -> list[str]:
    """An option that may help, suggested by the names."""
    if found.options.splits.group_by is not None:
        return []
    matches = [match[1] for name in found.training if (match := _PREFIX.fullmatch(name))]
    sizes = Counter(matches)
    several = len(matches) == len(found.training) and len(sizes) >= 3 and len(matches) >= 1.5 * len(sizes)
    if not several or max(sizes.values()) > 0.5 * len(matches) or set(found.classes.values()) - {None} >= set(sizes):
        return []
    example = max(sizes, key=lambda prefix: sizes[prefix])
    names = [name for name in found.training if name.startswith(example)]
    return [
        f"names such as {some(names, limit=2)} share their beginning; if that is the patient, keep their images in "
        r"one fold with --splits 5fold --group-by '^(.+)[_-]'"
    ]


def _training_counts(found: Found, cases: Cases) -> np.ndarray:
    total = np.zeros(len(found.dataset.labels), dtype=np.int64)
    for name in found.training.values():
        if name in cases.results and (counts := cases.results[name].counts) is not None:
            total[: len(counts)] += counts
    return total


def _first_mask(found: Found) -> object:
    return next((path for case in found.dataset.cases for path in case.masks), found.source)


def _partial(counts: np.ndarray) -> bool:
    return bool(counts[0]) and bool(counts[1:].any())


def _near(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    return len(first) == len(second) and all(abs(a - b) <= _NEAR for a, b in zip(first, second, strict=True))


def _spelled(value: tuple[int, ...] | None) -> str:
    if value is None:
        return "1 or white"
    return str(value[0]) if len(value) == 1 else "#" + bytes(value).hex()
