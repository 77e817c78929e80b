"""Any 2D images with masks of one or several classes, such as the official LLM4Seg layout."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.datasets.cases import SourceDataset
from nnunet_llm4seg.datasets.finding import no_layout
from nnunet_llm4seg.datasets.label_table import BACKGROUND, read_table
from nnunet_llm4seg.datasets.layouts import KNOWN, folder_layout
from nnunet_llm4seg.datasets.names import safe_name


def read_folder(source: Path, *, labels: str | None = None) -> SourceDataset:
    """Images with masks in any layout of `layouts.KNOWN`; grey if every image file is grey, else RGB.

    Args:
        labels: classes by the values of the masks; None for masks of one class.

    Raises:
        ConfigError: the table of classes cannot be used.
        DatasetError: the layout is not one of these, or images and masks do not match.
    """
    table = read_table(labels) if labels else None
    layout = folder_layout(source)
    if layout is None:
        raise no_layout(source, KNOWN)
    return SourceDataset(
        name=safe_name(source.resolve().name),
        list_folders=(source,),
        cases=layout.cases,
        labels=table.labels if table else {BACKGROUND: 0, "foreground": 1},
        table=table,
        colour=None,
        published=layout.published,
        published_in="the folders of the training and validation set",
    )
