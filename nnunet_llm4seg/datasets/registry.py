"""Every converter by the name that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nnunet_llm4seg.datasets.btcv import read_btcv
from nnunet_llm4seg.datasets.busi import read_busi
from nnunet_llm4seg.datasets.cases import SourceDataset
from nnunet_llm4seg.datasets.folder import read_folder
from nnunet_llm4seg.datasets.isic import read_isic
from nnunet_llm4seg.datasets.kvasir import read_kvasir
from nnunet_llm4seg.datasets.tnscui import read_tnscui

_IMAGES = frozenset({"size", "colour", "resize_masks"})


@dataclass(frozen=True)
class Converter:
    """How a layout is read (from a Path, and `normals` where it takes that), and which options it takes."""

    read: Callable[..., SourceDataset]
    takes: frozenset[str] = _IMAGES


CONVERTERS: dict[str, Converter] = {
    "busi": Converter(read_busi, _IMAGES | {"normals"}),
    "tnscui": Converter(read_tnscui),
    "isic": Converter(read_isic),
    "kvasir": Converter(read_kvasir),
    "btcv": Converter(read_btcv, frozenset()),
    "folder": Converter(read_folder),
}
