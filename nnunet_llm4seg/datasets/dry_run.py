"""What a conversion would write, without writing it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.case_runs import Progress, look_at_cases, silent
from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.conversion import described, tables_of
from nnunet_llm4seg.datasets.findings import refuse_useless_labels
from nnunet_llm4seg.datasets.found import Found, opened
from nnunet_llm4seg.datasets.label_table import suggestion
from nnunet_llm4seg.datasets.options import ConversionOptions
from nnunet_llm4seg.datasets.stored_masks import StoredMask, stored_mask
from nnunet_llm4seg.errors import DatasetError, LLM4SegError

_MOST = 64  # values that a list of classes may have


def look(converter: str, source: Path, options: ConversionOptions, progress: Progress = silent) -> list[str]:
    """Read everything and say in sentences what would be written, what would be refused, and what to do about it.

    Raises:
        ConfigError: an option does not exist or does not fit this converter.
        DatasetError: the source is not as required.
    """
    with opened(converter, source, options) as found:
        return _looked(found, progress)


def _looked(found: Found, progress: Progress) -> list[str]:
    errors: list[tuple[Case, Exception]] = []
    cases = look_at_cases(found, progress, lambda case, error: errors.append((case, error)))
    for _, error in errors:
        if not isinstance(error, LLM4SegError):
            raise error
    lines = [f"would write {found.dataset.name}, channels {', '.join(found.channels)}"]
    if errors:
        lines.append(
            f"would refuse {len(errors)} of {len(found.dataset.cases)} cases, the first because {errors[0][1]}"
        )
    else:
        try:
            refuse_useless_labels(found, cases)
        except DatasetError as error:
            lines.append(f"would refuse: {error}")
    if not found.volumes:
        lines += _values(found)
    if not cases.results:
        return [*lines, *found.skipped]
    tables = tables_of(found, cases) if not errors else None
    if tables is None:
        return [*lines, f"{len(cases.results)} other cases can be read", *found.skipped]
    groups = tables.groups.together
    return [
        *lines,
        *described(found, cases, tables),
        *(f"group of {len(group)}: {', '.join(group[:8])}{' ...' if len(group) > 8 else ''}" for group in groups[:10]),
        *([f"{len(groups) - 10} more groups"] if len(groups) > 10 else []),
    ]


def _values(found: Found) -> list[str]:
    """Stored values of all masks with their shares, and the table to give for them."""
    totals: Counter = Counter()
    colour_of: dict[int, str] = {}
    for case in found.dataset.cases:
        for path in case.masks:
            try:
                mask = stored_mask(path)
            except DatasetError:
                continue
            if mask.lossy:
                return ["masks are JPEG files: their values are not kept apart, so they can hold one class alone"]
            totals.update(_counted(mask, colour_of))
            if len(totals) > _MOST:
                return [f"masks hold more than {_MOST} values: soft edges of one class, or images instead of masks"]
    pixels = sum(totals.values())
    order = [value for value, _ in totals.most_common()]
    listed = ", ".join(
        f"{colour_of.get(value, value) if isinstance(value, int) else '#' + bytes(value).hex()} "
        f"{totals[value] / pixels:.2%}"
        for value in order
    )
    lines = [f"values of the masks and their shares of pixels: {listed}"] if totals else []
    if len(totals) > 2 and found.dataset.table is None:
        lines.append(f"if these are classes, give them names: {suggestion(order)}")
    return lines


def _counted(mask: StoredMask, colour_of: dict[int, str]) -> dict:
    values = mask.values()
    if values is not None:
        found, counts = np.unique(values, return_counts=True)
        if mask.palette is not None:
            colour_of.update({i: f"index {i} (#{bytes(mask.palette[i]).hex()})" for i in found.tolist()})
        return dict(zip(map(int, found.tolist()), counts.tolist(), strict=True))
    colours, counts = np.unique(mask.colours().reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(colour): count for colour, count in zip(colours.tolist(), counts.tolist(), strict=True)}
