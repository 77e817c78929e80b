"""What a converter returns: the cases that it found, and how nnU-Net will see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_llm4seg.datasets.label_table import LabelTable

# (names of the training cases, names of the validation cases), as the publisher spells them
Fold = tuple[list[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """The image of one case, one file per channel, and its masks: several are merged; only test cases have none."""

    name: str  # as published; unique in the data set
    images: tuple[Path, ...]
    masks: tuple[Path, ...] = ()
    test: bool = False
    group: str | None = None  # class that 5fold stratifies by, such as benign
    healthy: bool = False  # so its masks are empty


@dataclass(frozen=True, kw_only=True)
class SourceDataset:
    """A data set as it is on disk.

    Attributes:
        list_folders: where lists of published folds may be, if `published` is None.
        table: how masks of several classes become labels; None for masks of one class.
        colour: whether 2D images have colours; None if the image files decide.
        channels: the names of a volume's channels; None for 2D images.
        used: files that were read beside the cases', such as tables of classes.
    """

    name: str
    list_folders: tuple[Path, ...]
    cases: list[Case]
    labels: Mapping[str, int]
    table: LabelTable | None = None
    colour: bool | None = False
    channels: tuple[str, ...] | None = None
    published: list[Fold] | None = None
    published_in: str = ""
    used: tuple[Path, ...] = ()
    notices: list[str] = field(default_factory=list)
