"""Any folder of images beside a folder of masks, such as the official LLM4Seg layout."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.datasets.cases import SourceDataset, no_layout, safe_names
from nnunet_llm4seg.datasets.layouts import images_and_masks


def read_folder(source: Path) -> SourceDataset:
    """`images/` + `masks/0/`, or `images/` + `masks/`; grey if every image file is, else RGB."""
    cases = images_and_masks(source)
    if cases is None:
        raise no_layout(source, "images/ and masks/0/, or images/ and masks/")
    name = safe_names([source.resolve().name])[source.resolve().name]
    return SourceDataset(
        name=name, list_folders=(source,), cases=cases, labels={"background": 0, "foreground": 1}, colour=None
    )
