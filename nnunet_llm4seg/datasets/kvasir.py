"""Kvasir-SEG (Jha et al. 2020), polyps in colonoscopy: 1000 images; the masks are JPEG and so not binary."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.datasets.cases import SourceDataset
from nnunet_llm4seg.datasets.finding import no_layout
from nnunet_llm4seg.datasets.layouts import pair_folders


def read_kvasir(source: Path) -> SourceDataset:
    """`Kvasir-SEG/{images,masks}/*.jpg`; `official` is the 880/120 of `train.txt` and `val.txt`.

    Raises:
        DatasetError: the layout is not this one, or images and masks do not match.
    """
    root = source / "Kvasir-SEG"
    root = root if root.is_dir() else source
    if not (root / "images").is_dir() or not (root / "masks").is_dir():
        raise no_layout(source, "Kvasir-SEG/ with images/ and masks/")
    cases = pair_folders(root / "images", root / "masks")
    return SourceDataset(
        name="KvasirSEG",
        list_folders=(source, root),
        cases=cases,
        labels={"background": 0, "polyp": 1},
        colour=True,
    )
