"""What a conversion knows before it writes anything, derived once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.finding import skipped
from nnunet_llm4seg.datasets.groups import joined, pairs_by_name
from nnunet_llm4seg.datasets.images import is_grey
from nnunet_llm4seg.datasets.names import safe_name, safe_names
from nnunet_llm4seg.datasets.options import ConversionOptions
from nnunet_llm4seg.datasets.registry import CONVERTERS, Converter
from nnunet_llm4seg.datasets.splits import classes_from_names, published_folds, read_lists
from nnunet_llm4seg.errors import ConfigError, DatasetError


@dataclass(frozen=True)
class PublishedFolds:
    """Folds by new names, and where they were read."""

    folds: list[tuple[list[str], list[str]]]
    read_from: list[str]


@dataclass(frozen=True)
class Found:
    """A data set with its new names and all that follows from names and options alone.

    Attributes:
        names: new case names, by published name.
        training: the same for the training cases alone.
        classes: class of each training case, by new name.
        patients: groups of training cases (new names) that belong to one patient by `--group-by`.
        colour: whether 2D images become RGB.
        official: the published folds, if they were requested.
    """

    source: Path
    dataset: SourceDataset
    options: ConversionOptions
    names: dict[str, str]
    training: dict[str, str]
    classes: dict[str, str | None]
    patients: list[list[str]]
    colour: bool
    official: PublishedFolds | None

    @cached_property
    def volumes(self) -> bool:
        return self.dataset.channels is not None

    @cached_property
    def ending(self) -> str:
        return ".nii.gz" if self.volumes else ".png"

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """nnU-Net chooses the normalisation by these names: three times rgb_to_0_1, not R, G, B."""
        return self.dataset.channels or (("rgb_to_0_1",) * 3 if self.colour else ("zscore",))

    @cached_property
    def skipped(self) -> list[str]:
        """What is not converted, in sentences."""
        dataset = self.dataset
        files = (path for case in dataset.cases for path in (*case.images, *case.masks))
        return skipped(self.source, (*files, *dataset.used))

    def named(self) -> Iterator[tuple[str, Case]]:
        """Cases with their new names."""
        return ((self.names[case.name], case) for case in self.dataset.cases)


@contextmanager
def opened(converter: str, source: Path, options: ConversionOptions) -> Iterator[Found]:
    """`find` for a `with` block; the files of a data set that is made, not downloaded, exist as long as the block.

    Raises:
        ConfigError, DatasetError: see `find`.
    """
    make = _converter(converter).make
    if make is None:
        yield find(converter, source, options)
        return
    CONVERTERS[converter].arguments(converter, options)  # a mistake is reported before the work
    with TemporaryDirectory() as folder:
        yield find(converter, make(str(source), options, Path(folder)), options)


def find(converter: str, source: Path, options: ConversionOptions) -> Found:
    """Read a folder and derive all that is known without its pixels.

    Raises:
        ConfigError: an option does not exist or does not fit this converter.
        DatasetError: the source, or its published lists, are not as required.
    """
    dataset = _converter(converter).read(source, **CONVERTERS[converter].arguments(converter, options))
    if options.name is not None:
        if safe_name(options.name) != options.name:
            raise ConfigError(
                f"--name {options.name!r} is not allowed; use letters, digits, hyphens and underscores, such as "
                f"{safe_name(options.name)!r}."
            )
        dataset = replace(dataset, name=options.name)
    names = safe_names(case.name for case in dataset.cases)
    training = {case.name: names[case.name] for case in dataset.cases if not case.test}
    if not training:
        raise DatasetError(f"{source} holds no training cases; unpack the whole data set there.")
    words = classes_from_names(training)
    pairs = pairs_by_name(training, options.splits.group_by) if options.splits.group_by else []
    return Found(
        source=source,
        dataset=dataset,
        options=options,
        names=names,
        training=training,
        classes={names[c.name]: c.group or words[c.name] for c in dataset.cases if not c.test},
        patients=joined((training[first], training[second]) for first, second in pairs),
        colour=_colour(dataset, options),
        official=_official(dataset, training) if options.splits.kind == "official" else None,
    )


def _converter(name: str) -> Converter:
    if name not in CONVERTERS:
        raise ConfigError(f"{name!r} is no converter; choose one of {', '.join(CONVERTERS)}.")
    return CONVERTERS[name]


def _official(dataset: SourceDataset, training: dict[str, str]) -> PublishedFolds:
    published, read_from = dataset.published, [dataset.published_in]
    if not published:
        published, read_from = read_lists(*dataset.list_folders)
    return PublishedFolds(published_folds(published, training), read_from)


def _colour(dataset: SourceDataset, options: ConversionOptions) -> bool:
    if dataset.channels is not None:
        return False
    if options.colour is not None:
        return options.colour
    if dataset.colour is not None:
        return dataset.colour
    return not all(is_grey(case.images[0]) for case in dataset.cases)
