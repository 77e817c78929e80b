"""All cases of a data set, several at a time: written, or only read."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.case_writer import (
    CaseFiles,
    CaseResult,
    image_result,
    write_image_case,
    write_volume_case,
)
from nnunet_llm4seg.datasets.cases import Case
from nnunet_llm4seg.datasets.found import Found
from nnunet_llm4seg.datasets.image_cases import ImageReading, read_image_case
from nnunet_llm4seg.datasets.images import EQUAL
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.datasets.near_duplicates import Features
from nnunet_llm4seg.datasets.volumes import VolumeReading, check_volumes
from nnunet_llm4seg.datasets.writer import NOTICES
from nnunet_llm4seg.nnunet import names as nnunet_names

# the step, the number done, the number in all
Progress = Callable[[str, int, int], None]
WORKERS = min(8, os.cpu_count() or 1)


def silent(what: str, done: int, total: int) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True)
class Cases:
    """What is known of every case, by its new name, and its files if they are written."""

    results: dict[str, CaseResult]
    published: dict[str, str]
    files: dict[str, CaseFiles]

    def features(self) -> dict[str, Features]:
        """For the search for near-duplicates; empty for volumes."""
        return {name: result.features for name, result in self.results.items() if result.features is not None}

    def counts(self) -> np.ndarray:
        """Pixels or voxels per label of all cases with labels, (labels,)."""
        return np.sum([r.counts for r in self.results.values() if r.counts is not None], axis=0)

    def notices(self) -> list[str]:
        """Each kind of notice once, with the cases to which it applies."""
        affected: dict[str, set[str]] = {}
        for name, result in self.results.items():
            for notice in result.notices:
                affected.setdefault(notice, set()).add(self.published[name])
        if len(affected.get(EQUAL, ())) < len(self.results):
            affected.pop(EQUAL, None)  # --grey would lose the colours of the others
        return [f"{notice}: {len(cases)} ({some(cases)})" for notice, cases in sorted(affected.items())]

    def moved(self, folder: Path, final: Path) -> Cases:
        """The same with files in the folder's final place."""

        def there(path: Path) -> Path:
            return final / path.relative_to(folder)

        files = {
            name: CaseFiles(tuple(map(there, f.images)), there(f.label), there(f.notices))
            for name, f in self.files.items()
        }
        return replace(self, files=files)


def write_cases(found: Found, folder: Path, progress: Progress, *, similar: bool = True) -> Cases:
    """Write all cases; `similar` prepares the search for near-duplicates."""
    files = {name: _files(found, folder, name, case) for name, case in found.named()}
    for name, case in found.named():
        for path in (*files[name].images, files[name].notices, *([files[name].label] if case.masks else [])):
            path.parent.mkdir(exist_ok=True)
    reading, labels = image_reading(found), len(found.dataset.labels)

    def write(name: str, case: Case) -> CaseResult:
        if found.volumes:
            return write_volume_case(case, files[name], how=volume_reading(found))
        return write_image_case(case, files[name], how=reading, labels=labels, similar=similar)

    return Cases(_each(found, write, "converting", progress), _published(found), files)


def look_at_cases(found: Found, progress: Progress, refused: Callable[[Case, Exception], None]) -> Cases:
    """Read all cases and write nothing; what cannot be read is passed to `refused` and omitted."""
    reading, labels = image_reading(found), len(found.dataset.labels)

    def look(name: str, case: Case) -> CaseResult | None:
        try:
            if found.volumes:
                return CaseResult(
                    *check_volumes(case.images, case.masks[0] if case.masks else None, volume_reading(found))
                )
            return image_result(read_image_case(case, reading), labels, similar=True)
        except Exception as error:
            refused(case, error)
            return None

    results = _each(found, look, "reading", progress)
    return Cases({name: result for name, result in results.items() if result}, _published(found), {})


def image_reading(found: Found) -> ImageReading:
    """How the files of 2D cases are read."""
    options = found.options
    return ImageReading(found.colour, options.size, options.resize_masks, found.dataset.table)


def volume_reading(found: Found) -> VolumeReading:
    """How the labels of volumes are read: without a table, the values are the labels."""
    table = found.dataset.table
    if table is None:
        return VolumeReading(tuple((label,) for label in range(len(found.dataset.labels))))
    return VolumeReading(tuple(tuple(v for v in values if isinstance(v, int)) for _, values in table.classes))


def _published(found: Found) -> dict[str, str]:
    return {name: case.name for name, case in found.named()}


def _files(found: Found, folder: Path, name: str, case: Case) -> CaseFiles:
    images = nnunet_names.HELD_OUT_IMAGES if case.test else nnunet_names.TRAINING_IMAGES
    labels = nnunet_names.HELD_OUT_LABELS if case.test else nnunet_names.TRAINING_LABELS
    channels = tuple(folder / images / f"{name}_{n:04d}{found.ending}" for n in range(len(case.images)))
    return CaseFiles(channels, folder / labels / f"{name}{found.ending}", folder / NOTICES / f"{name}.json")


def _each(found: Found, do: Callable, what: str, progress: Progress) -> dict:
    """Results by new name, in the order of the cases."""
    results = {}
    # Threads: Pillow works outside the interpreter's lock, and no worker outlives a killed run.
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            cases = dict(found.named())
            for name, result in zip(cases, pool.map(do, cases.keys(), cases.values()), strict=True):
                results[name] = result
                progress(what, len(results), len(cases))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results
