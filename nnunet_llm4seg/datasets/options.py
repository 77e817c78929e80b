"""The options of a conversion, checked as far as they can be without the data set."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnunet_llm4seg.errors import ConfigError

SPLITS = ("official", "5fold")
LARGEST = 8192  # pixels; far above the longest side of any known network input


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """How to split; `5fold` keeps `group_by` groups and near-duplicates together, other splits only count them."""

    kind: str | None = None
    seed: int = 12345
    group_by: str | None = None
    group_near_duplicates: bool = True

    def __post_init__(self) -> None:
        if self.kind not in (None, *SPLITS):
            raise ConfigError(f"--splits {self.kind!r} is not allowed; choose {' or '.join(SPLITS)}.")
        if self.group_by is not None and self.kind is None:
            raise ConfigError(f"--group-by {self.group_by!r} needs folds to keep groups in; add --splits 5fold.")


@dataclass(frozen=True, kw_only=True)
class ConversionOptions:
    """How to convert.

    Attributes:
        size: height and width in pixels; None keeps each image's own.
        colour: None is the data set's own.
        labels: classes by the values of the masks, inline or the name of a table; see `label_table`.
        name: of the data set; None is the converter's own.
        channels: names of a volume's channels, which choose nnU-Net's normalisation, such as CT or MR.
        cases: how many, of a data set that is made.
        difficulty: of a data set that is made; None is its own.
    """

    size: int | None = None
    colour: bool | None = None
    resize_masks: bool = False
    normals: bool = False
    labels: str | None = None
    name: str | None = None
    channels: str | None = None
    cases: int | None = None
    difficulty: str | None = None
    splits: SplitOptions = field(default_factory=SplitOptions)
    overwrite: bool = False
    overwrite_preprocessed: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and not 1 <= self.size <= LARGEST:
            raise ConfigError(
                f"--size {self.size} is not allowed; give the side in pixels, 1 to {LARGEST}, such as 256."
            )
