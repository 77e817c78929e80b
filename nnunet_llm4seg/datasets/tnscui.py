"""TN-SCUI 2020, thyroid nodules in ultrasound: 3644 training images; the test masks are not public."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.class_tables import table_rows, with_classes
from nnunet_llm4seg.datasets.finding import by_stem, files_of, first_folder, no_layout
from nnunet_llm4seg.datasets.layouts import pair_folders
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import DatasetError


def read_tnscui(source: Path) -> SourceDataset:
    """`TNSCUI2020_train/{image,mask}/N.PNG` with `train.csv`, and `TNSCUI2020_test` if it exists.

    The two sets count from 1 each: test cases are called `test_N`.

    Raises:
        DatasetError: the layout is not this one, images and masks do not match, or the csv file lacks cases.
    """
    root = first_folder(source / "TNSCUI2020_train") or source
    if not (root / "image").is_dir() or not (root / "mask").is_dir():
        raise no_layout(source, "TNSCUI2020_train/ with image/ and mask/")
    cases = pair_folders(root / "image", root / "mask")
    table = next((path for path in (root / "train.csv", source / "train.csv") if path.is_file()), None)
    if table is not None:
        cases = with_classes(cases, _classes(table), table)
    test = source / "TNSCUI2020_test"
    if test.is_dir():
        images = by_stem(files_of(first_folder(test / "image") or test))
        cases += [Case(name=f"test_{name}", images=(path,), test=True) for name, path in images.items()]
    notices = [] if table else ["train.csv is not there: 5fold cannot stratify by class"]
    return SourceDataset(
        name="TNSCUI",
        list_folders=(source, root),
        cases=cases,
        labels={"background": 0, "nodule": 1},
        notices=notices,
    )


def _classes(table: Path) -> dict[str, str]:
    """Class by case, from the columns `ID` (such as 1.PNG) and `CATE`, or from the only two columns."""
    header, *rows = table_rows(table) or [[]]
    columns = {name.lower(): index for index, name in enumerate(header)}
    case, category = (0, 1) if len(header) == 2 else (columns.get("id"), columns.get("cate"))
    if case is None or category is None:
        raise DatasetError(f"{table} has the columns {some(header)}; expected ID and CATE.")
    return {Path(row[case]).stem: f"class {row[category]}" for row in rows if row[category]}
