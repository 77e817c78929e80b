"""TN-SCUI 2020, thyroid nodules in ultrasound: 3644 training images; the test masks are not public."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from nnunet_llm4seg.datasets.cases import (
    Case,
    SourceDataset,
    by_stem,
    first_folder,
    image_files,
    no_layout,
    some,
)
from nnunet_llm4seg.datasets.layouts import pair_folders
from nnunet_llm4seg.errors import DatasetError


def read_tnscui(source: Path) -> SourceDataset:
    """`TNSCUI2020_train/{image,mask}/N.PNG` with `train.csv`, and `TNSCUI2020_test` if there.

    The two sets count from 1 each: test cases are called `test_N`.

    Raises:
        DatasetError: the layout is another one, images and masks do not pair, or the csv misses cases.
    """
    root = first_folder(source / "TNSCUI2020_train") or source
    if not (root / "image").is_dir() or not (root / "mask").is_dir():
        raise no_layout(source, "TNSCUI2020_train/ with image/ and mask/")
    cases = pair_folders(root / "image", root / "mask")
    table = next((path for path in (root / "train.csv", source / "train.csv") if path.is_file()), None)
    if table is not None:
        classes = _classes(table)
        if missing := [case.name for case in cases if case.name not in classes]:
            raise DatasetError(f"{table} has no class for {some(missing)}; download it again or remove it.")
        cases = [replace(case, group=classes[case.name]) for case in cases]
    test = source / "TNSCUI2020_test"
    if test.is_dir():
        images = by_stem(image_files(first_folder(test / "image") or test))
        cases += [Case(name=f"test_{name}", image=path, test=True) for name, path in images.items()]
    notices = [] if table else ["train.csv is not there: 5fold cannot stratify by class"]
    return SourceDataset(
        name="TNSCUI",
        list_folders=(source, root),
        cases=cases,
        labels={"background": 0, "nodule": 1},
        notices=notices,
    )


def _classes(table: Path) -> dict[str, str]:
    """Class by case, from the columns `ID` (such as 1.PNG) and `CATE`, or the only two there are."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = {name.strip().lower(): name for name in reader.fieldnames or []}
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} is no table in UTF-8; save it as such and start again.") from error
    pair = [columns.get("id"), columns.get("cate")] if len(columns) != 2 else list(columns.values())
    if None in pair:
        raise DatasetError(f"{table} has the columns {some(columns)}; expected ID and CATE.")
    found = {Path(row[pair[0]].strip()).stem: row[pair[1]].strip() for row in rows}
    return {name: f"class {value}" for name, value in found.items() if value}
