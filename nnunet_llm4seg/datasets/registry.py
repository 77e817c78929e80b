"""Every converter, by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nnunet_llm4seg.datasets import layouts, volume_folders
from nnunet_llm4seg.datasets.btcv import read_btcv
from nnunet_llm4seg.datasets.busi import read_busi
from nnunet_llm4seg.datasets.cases import SourceDataset
from nnunet_llm4seg.datasets.folder import read_folder
from nnunet_llm4seg.datasets.geometric import TASKS, make_geometric, read_geometric
from nnunet_llm4seg.datasets.isic import read_isic
from nnunet_llm4seg.datasets.kvasir import read_kvasir
from nnunet_llm4seg.datasets.options import ConversionOptions
from nnunet_llm4seg.datasets.tnscui import read_tnscui
from nnunet_llm4seg.datasets.volume_folders import read_volumes
from nnunet_llm4seg.errors import ConfigError

_IMAGES = frozenset({"size", "colour", "resize_masks"})
_FLAGS = {
    "size": "--size",
    "colour": "--rgb and --grey",
    "resize_masks": "--resize-masks",
    "normals": "--normals",
    "labels": "--labels",
    "name": "--name",
    "channels": "--channels",
    "cases": "--cases",
    "difficulty": "--difficulty",
}
_FOR_READING = ("normals", "labels", "channels")  # the other options are for writing


@dataclass(frozen=True)
class Converter:
    """How a layout is read, and which options apply to it.

    Attributes:
        read: takes the folder, and as keywords those of `normals`, `labels` and `channels` that are in `takes`.
        layouts: the layouts it knows, in words.
        takes: the options that apply.
        make: of data sets that are made, not downloaded: takes SOURCE, the options and a folder, and returns the
            folder in it that `read` takes.
    """

    read: Callable[..., SourceDataset]
    layouts: str
    takes: frozenset[str] = _IMAGES
    make: Callable[[str, ConversionOptions, Path], Path] | None = None

    def arguments(self, name: str, options: ConversionOptions) -> dict[str, object]:
        """Keywords for `read`.

        Raises:
            ConfigError: an option does not apply.
        """
        for option, flag in _FLAGS.items():
            if getattr(options, option) not in (None, False) and option not in self.takes:
                raise ConfigError(f"{flag} does not apply to {name}; omit it.")
            if option == "colour" and options.colour is False and option not in self.takes:
                raise ConfigError(f"{flag} do not apply to {name}; omit them.")
        return {o: getattr(options, o) for o in _FOR_READING if getattr(options, o) not in (None, False)}


CONVERTERS: dict[str, Converter] = {
    "busi": Converter(
        read_busi, "Dataset_BUSI_with_GT/{benign,malignant,normal}, or images/ + masks/0/", _IMAGES | {"normals"}
    ),
    "tnscui": Converter(read_tnscui, "TNSCUI2020_train/{image,mask}, train.csv; perhaps TNSCUI2020_test"),
    "isic": Converter(read_isic, "one year's folders of 2016, 2017 or 2018 task 1, names as the challenge's"),
    "kvasir": Converter(read_kvasir, "Kvasir-SEG/{images,masks}"),
    "btcv": Converter(read_btcv, "RawData/Training/{img,label}, or imagesTr/ + labelsTr/", frozenset()),
    "folder": Converter(read_folder, f"2D images: {layouts.KNOWN}", _IMAGES | {"labels", "name"}),
    "volumes": Converter(
        read_volumes,
        f"3D volumes (.nii.gz, .nii, .nrrd, .mha): {volume_folders.KNOWN}",
        frozenset({"labels", "name", "channels"}),
    ),
    "geometric": Converter(
        read_geometric,
        f"made from --cases, --size and --seed; SOURCE is {', '.join(TASKS)}",
        frozenset({"size", "cases", "difficulty"}),
        make_geometric,
    ),
}
