"""The tables of a converted data set: dataset.json, case names, groups and splits."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunet_llm4seg.datasets.folds import Groups
from nnunet_llm4seg.datasets.found import Found
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet import names

INFO, GROUPS = "splits_info.json", "groups.json"


@dataclass
class Tables:
    """Groups, folds if they were requested, and the sentences about them."""

    groups: Groups
    folds: list[dict[str, list[str]]] | None = None
    info: dict[str, Any] | None = None
    sentences: list[str] = field(default_factory=list)


def write_tables(folder: Path, found: Found, tables: Tables) -> None:
    """Write all tables of a data set."""
    dataset = found.dataset
    write_json(
        folder / names.DATASET,
        {
            "name": dataset.name,
            "channel_names": {str(index): channel for index, channel in enumerate(found.channels)},
            "labels": dict(dataset.labels),
            "numTraining": len(found.training),
            "file_ending": found.ending,
        },
    )
    _write_names(folder / "case_names.csv", found)
    for name in (names.SPLITS, INFO, GROUPS):
        (folder / name).unlink(missing_ok=True)  # left by a killed run with other --splits
    if tables.folds is not None:
        write_json(folder / names.SPLITS, tables.folds)
        write_json(folder / INFO, tables.info)
    if tables.groups.rule:
        write_json(folder / GROUPS, {"rule": tables.groups.rule, "groups": tables.groups.together})


def _write_names(path: Path, found: Found) -> None:
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["case", "published_name", "set", "class", "image", "masks"])
        for name, case in found.named():
            images, masks = (
                ";".join(Path(os.path.relpath(p, found.source)).as_posix() for p in paths)
                for paths in (case.images, case.masks)
            )
            which = "test" if case.test else "training"
            table.writerow([name, case.name, which, case.group, images, masks])
