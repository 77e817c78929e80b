"""One conversion from a downloaded folder to a data set under nnUNet_raw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnunet_llm4seg import __version__
from nnunet_llm4seg.datasets import nnunet_folders
from nnunet_llm4seg.datasets.case_runs import Cases, Progress, silent, write_cases
from nnunet_llm4seg.datasets.contact_sheet import sheet_of
from nnunet_llm4seg.datasets.findings import class_sentences, hints, refuse_useless_labels
from nnunet_llm4seg.datasets.folds import make_folds, make_groups, sentences
from nnunet_llm4seg.datasets.found import Found, opened
from nnunet_llm4seg.datasets.near_duplicates import NearDuplicates, near_duplicates
from nnunet_llm4seg.datasets.options import ConversionOptions
from nnunet_llm4seg.datasets.tables import Tables, write_tables
from nnunet_llm4seg.datasets.writer import refuse_existing, written_dataset
from nnunet_llm4seg.errors import DatasetError


def convert(
    converter: str,
    source: Path,
    dataset_id: int,
    options: ConversionOptions,
    progress: Progress = silent,
) -> tuple[Path, list[str]]:
    """Write `source` as `$nnUNet_raw/DatasetXXX_NAME`.

    Returns:
        The folder, and sentences on what the user should know about it.

    Raises:
        ConfigError: an option does not exist or does not fit this converter.
        DatasetError: the source, nnU-Net's folders or the splits are not as required.
    """
    with opened(converter, source, options) as found:
        return _written(found, dataset_id, progress)


def _written(found: Found, dataset_id: int, progress: Progress) -> tuple[Path, list[str]]:
    options = found.options
    final = _checked_target(found, dataset_id)
    splits = options.splits.kind
    if splits:  # a mistake in the splits is reported before the long work
        folds = make_folds(found, make_groups(found, None))[0]
    if splits != "5fold" and not options.overwrite_preprocessed:  # those of 5fold depend on the near-duplicates
        nnunet_folders.refuse_other_splits(final.name, folds if splits else None)
    with written_dataset(final, _recipe(found), overwrite=options.overwrite) as folder:
        cases = write_cases(found, folder, progress)
        refuse_useless_labels(found, cases)
        tables = tables_of(found, cases)
        write_tables(folder, found, tables)
        if options.overwrite_preprocessed:
            nnunet_folders.remove_preprocessed(final.name)
        nnunet_folders.refuse_other_splits(final.name, tables.folds)
    sheet = sheet_of(found, cases.moved(folder, final), final)
    return final, [*described(found, cases, tables), f"look at {sheet}: cases with their labels in colour"]


def tables_of(found: Found, cases: Cases) -> Tables:
    """Groups and folds, with the sentences about them."""
    similar = None if found.volumes else near_duplicates(cases.features())
    groups = make_groups(found, similar.pairs if similar else None)
    tables = Tables(groups)
    if found.options.splits.kind:
        tables.folds, tables.info = make_folds(found, groups)
    tables.sentences = _said(found, tables, similar)
    return tables


def described(found: Found, cases: Cases, tables: Tables) -> list[str]:
    """Sentences on what the user should know about a data set."""
    tests = [case for case in found.dataset.cases if case.test]
    unlabelled = sum(not case.masks for case in tests)
    more = f" ({unlabelled} without labels)" if unlabelled else ""
    return [
        f"{len(found.training)} training cases, {len(tests)} test cases{more}",
        *class_sentences(found, cases),
        *found.skipped,
        *found.dataset.notices,
        *cases.notices(),
        *tables.sentences,
        *hints(found),
    ]


def _checked_target(found: Found, dataset_id: int) -> Path:
    final = nnunet_folders.raw_folder(dataset_id, found.dataset.name)
    refuse_existing(final, overwrite=found.options.overwrite)
    if final.resolve() in (found.source.resolve(), *found.source.resolve().parents):
        raise DatasetError(f"{found.source} is what would be overwritten; choose another ID.")
    if not found.options.overwrite_preprocessed:
        nnunet_folders.refuse_stale_plans(final.name)
    return final


def _recipe(found: Found) -> dict[str, Any]:
    """What the cases' files depend on; a killed run is continued only if this is the same."""

    def state(path: Path) -> list:
        stat = path.stat()
        return [str(path.resolve()), stat.st_size, stat.st_mtime_ns]

    return {
        "version": __version__,
        "size": found.options.size,
        "colour": found.colour,
        "resize_masks": found.options.resize_masks,
        "labels": repr(found.dataset.table),
        "cases": [[c.name, c.test, *map(state, (*c.images, *c.masks))] for c in found.dataset.cases],
    }


def _said(found: Found, tables: Tables, similar: NearDuplicates | None) -> list[str]:
    lines = []
    pairs = tables.groups.duplicates
    if pairs:
        tests = {name for name, case in found.named() if case.test}
        across = sum((first in tests) != (second in tests) for first, second in pairs)
        said = f"{len(pairs)} near-duplicate pairs (groups.json holds {len(tables.groups.together)} groups)"
        lines.append(said + (f"; {across} of them between training and test cases" if across else ""))
    if similar and similar.alike:
        lines.append(
            f"{similar.alike} more pairs resemble each other only in what the whole data set has in common; they are "
            "not counted as near-duplicates"
        )
    if tables.info:
        lines += sentences(tables.info)
    elif pairs:
        lines.append("nnU-Net's own random folds may cut them; --splits 5fold keeps them together")
    return lines
