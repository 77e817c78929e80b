"""One conversion from a downloaded folder to a data set under nnUNet_raw."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from nnunet_llm4seg import __version__
from nnunet_llm4seg.datasets import nnunet_folders
from nnunet_llm4seg.datasets.case_writer import CaseFiles, case_files, write_image_case, write_volume_case
from nnunet_llm4seg.datasets.cases import Case, SourceDataset, safe_names, some
from nnunet_llm4seg.datasets.folds import SplitOptions, describe, make_folds, make_groups
from nnunet_llm4seg.datasets.images import is_grey
from nnunet_llm4seg.datasets.near_duplicates import near_duplicates
from nnunet_llm4seg.datasets.registry import CONVERTERS
from nnunet_llm4seg.datasets.writer import dataset_folder, refuse_existing
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.files import write_json, written_whole

# what is being done, how many are done, of how many
Progress = Callable[[str, int, int], None]
_WORKERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True)
class ConversionOptions:
    """How to convert. `colour` None is the data set's own; `size` is both height and width in pixels."""

    size: int | None = None
    colour: bool | None = None
    resize_masks: bool = False
    normals: bool = False
    splits: SplitOptions = field(default_factory=SplitOptions)
    overwrite: bool = False
    overwrite_preprocessed: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise ConfigError(f"--size {self.size} is not allowed; give the side in pixels, such as 256.")


def convert(
    converter: str,
    source: Path,
    dataset_id: int,
    options: ConversionOptions,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Path, list[str]]:
    """Write `source` as `$nnUNet_raw/DatasetXXX_NAME`.

    Returns:
        The folder, and what the user should know about it, in sentences.

    Raises:
        ConfigError: an option does not exist or fit this converter.
        DatasetError: the source, nnU-Net's folders or the splits are not as they must be.
    """
    dataset = _read(converter, source, options)
    final = nnunet_folders.raw_folder(dataset_id, dataset.name)
    refuse_existing(final, overwrite=options.overwrite)
    if final.resolve() in (source.resolve(), *source.resolve().parents):
        raise DatasetError(f"{source} is what would be overwritten; choose another ID.")
    if not options.overwrite_preprocessed:
        nnunet_folders.refuse_stale_plans(final.name)
    names = safe_names(case.name for case in dataset.cases)
    # a mistake in the splits shows before the long work
    make_groups(dataset, names, None, options.splits.group_by)
    folds = make_folds(dataset, names, None, options.splits)[0] if options.splits.kind else None
    if options.splits.kind != "5fold" and not options.overwrite_preprocessed:
        nnunet_folders.refuse_other_splits(final.name, folds)  # those of 5fold depend on the near-duplicates
    colour = _colour(dataset, options)
    with dataset_folder(final, _recipe(dataset, options, colour), overwrite=options.overwrite) as folder:
        notices = _write_cases(folder, dataset, names, options, colour, progress)
        duplicates = None if dataset.volumes else _duplicates(folder, dataset, names, progress)
        folds, lines = _write_tables(folder, dataset, names, duplicates, options, colour, source)
        if options.overwrite_preprocessed:
            nnunet_folders.remove_preprocessed(final.name)
        nnunet_folders.refuse_other_splits(final.name, folds)
    return final, [*_counts(dataset), *dataset.notices, *notices, *lines]


def _read(converter: str, source: Path, options: ConversionOptions) -> SourceDataset:
    if converter not in CONVERTERS:
        raise ConfigError(f"{converter!r} is no converter; choose one of {', '.join(CONVERTERS)}.")
    takes = CONVERTERS[converter].takes
    for option, flag in (("size", "--size"), ("resize_masks", "--resize-masks"), ("normals", "--normals")):
        if getattr(options, option) and option not in takes:
            raise ConfigError(f"{flag} does not apply to {converter}; leave it away.")
    if options.colour is not None and "colour" not in takes:
        raise ConfigError(f"--rgb and --grey do not apply to {converter}; leave them away.")
    dataset = CONVERTERS[converter].read(source, **({"normals": True} if options.normals else {}))
    if not any(not case.test for case in dataset.cases):
        raise DatasetError(f"{source} holds no training cases; unpack the whole data set there.")
    return dataset


def _colour(dataset: SourceDataset, options: ConversionOptions) -> bool:
    if options.colour is not None:
        return options.colour
    if dataset.colour is not None:
        return dataset.colour
    return not all(is_grey(case.image) for case in dataset.cases)


def _recipe(dataset: SourceDataset, options: ConversionOptions, colour: bool) -> dict[str, Any]:
    """What the cases' files depend on; a killed run is only continued with the same."""

    def state(path: Path) -> list:
        found = path.stat()
        return [str(path.resolve()), found.st_size, found.st_mtime_ns]

    return {
        "version": __version__,
        "size": options.size,
        "colour": colour,
        "resize_masks": options.resize_masks,
        "cases": [[c.name, c.test, *map(state, (c.image, *c.masks))] for c in dataset.cases],
    }


def _write_cases(
    folder: Path,
    dataset: SourceDataset,
    names: dict[str, str],
    options: ConversionOptions,
    colour: bool,
    progress: Progress,
) -> list[str]:
    """Write all cases in parallel; returns what was noticed, each kind once with the cases that it befell."""
    if dataset.volumes:
        write = partial(write_volume_case, values=range(len(dataset.labels)))
    else:
        write = partial(write_image_case, colour=colour, size=options.size, resize_masks=options.resize_masks)
    targets = [_files(folder, dataset, names, case) for case in dataset.cases]
    for case, target in zip(dataset.cases, targets, strict=True):
        for path in (target.image, target.notices, *([target.label] if case.masks else [])):
            path.parent.mkdir(exist_ok=True)
    affected: dict[str, set[str]] = {}
    # Threads: Pillow works outside the interpreter's lock, and no worker outlives a killed run.
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for done, notices in enumerate(pool.map(write, dataset.cases, targets), 1):
                for notice in notices:
                    affected.setdefault(notice, set()).add(dataset.cases[done - 1].name)
                progress("converting", done, len(targets))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [f"{notice}: {len(cases)} ({some(cases)})" for notice, cases in sorted(affected.items())]


def _files(folder: Path, dataset: SourceDataset, names: dict[str, str], case: Case) -> CaseFiles:
    return case_files(folder, names[case.name], test=case.test, ending=_ending(dataset))


def _ending(dataset: SourceDataset) -> str:
    return ".nii.gz" if dataset.volumes else ".png"


def _duplicates(
    folder: Path, dataset: SourceDataset, names: dict[str, str], progress: Progress
) -> list[tuple[str, str]]:
    images = {names[case.name]: _files(folder, dataset, names, case).image for case in dataset.cases}
    return near_duplicates(
        images,
        workers=_WORKERS,
        progress=lambda done: progress("looking for near-duplicates", done, len(images)),
    )


def _write_tables(
    folder: Path,
    dataset: SourceDataset,
    names: dict[str, str],
    duplicates: list[tuple[str, str]] | None,
    options: ConversionOptions,
    colour: bool,
    source: Path,
) -> tuple[list | None, list[str]]:
    channel = "CT" if dataset.volumes else "rgb_to_0_1" if colour else "zscore"
    write_json(
        folder / "dataset.json",
        {
            "name": dataset.name,
            # these names choose nnU-Net's normalisation: three times rgb_to_0_1, not R, G, B
            "channel_names": {str(index): channel for index in range(3 if colour else 1)},
            "labels": dict(dataset.labels),
            "numTraining": sum(not case.test for case in dataset.cases),
            "file_ending": _ending(dataset),
        },
    )
    _write_names(folder / "case_names.csv", dataset.cases, names, source)
    lines, folds = [], None
    for name in (nnunet_folders.SPLITS_FILE, "splits_info.json", "groups.json"):
        (folder / name).unlink(missing_ok=True)  # of a killed run with other --splits
    if options.splits.kind:
        folds, info = make_folds(dataset, names, duplicates, options.splits)
        write_json(folder / nnunet_folders.SPLITS_FILE, folds)
        write_json(folder / "splits_info.json", info)
        lines = describe(info)
    if duplicates is not None or options.splits.group_by:
        groups = make_groups(dataset, names, duplicates, options.splits.group_by)
        write_json(folder / "groups.json", groups)
    if duplicates:
        tests = {names[case.name] for case in dataset.cases if case.test}
        across = sum((first in tests) != (second in tests) for first, second in duplicates)
        found = f"{len(duplicates)} near-duplicate pairs (groups.json holds {len(groups['groups'])} groups)"
        lines.insert(0, found + (f"; {across} of them between training and test cases" if across else ""))
        if folds is None:
            lines.append("nnU-Net's own random folds may cut them; --splits 5fold keeps them together")
    return folds, lines


def _write_names(path: Path, cases: list[Case], names: dict[str, str], source: Path) -> None:
    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["case", "published_name", "set", "class", "image", "masks"])
        for case in cases:
            image, *masks = (Path(os.path.relpath(p, source)).as_posix() for p in (case.image, *case.masks))
            which = "test" if case.test else "training"
            table.writerow([names[case.name], case.name, which, case.group, image, ";".join(masks)])


def _counts(dataset: SourceDataset) -> list[str]:
    tests = [case for case in dataset.cases if case.test]
    unlabelled = sum(not case.masks for case in tests)
    more = f" ({unlabelled} without labels)" if unlabelled else ""
    return [f"{len(dataset.cases) - len(tests)} training cases, {len(tests)} test cases{more}"]
