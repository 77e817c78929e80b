"""Tables with the class of each case."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError


def table_rows(table: Path) -> list[list[str]]:
    """Rows of a csv file, without spaces around the entries; short rows are filled up to the first one's length.

    Raises:
        DatasetError: the file is not a table.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [[entry.strip() for entry in row] for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} is no table in UTF-8; save it as such and start again.") from error
    return [row + [""] * (len(rows[0]) - len(row)) for row in rows]


def with_classes(cases: Iterable[Case], classes: Mapping[str, str], table: Path) -> list[Case]:
    """Cases with their classes, by their published names.

    Raises:
        DatasetError: a case has none.
    """
    cases = list(cases)
    if missing := [case.name for case in cases if not classes.get(case.name)]:
        raise DatasetError(f"{table} has no class for {some(missing)}; download it again or remove it.")
    return [replace(case, group=classes[case.name]) for case in cases]
