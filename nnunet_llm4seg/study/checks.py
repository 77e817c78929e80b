"""Checks before the first training: disk space, GPUs that do not exist, data that cannot be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.nnunet.environment import require_folder
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.plans import all_entries
from nnunet_llm4seg.study.engines import LocalEngine
from nnunet_llm4seg.study.estimate import Estimate
from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.trainings import Training

_GB = 1e9


def check_disk(study: Study, estimate: Estimate) -> str | None:
    """A warning if the disk is too small for all trainings.

    Raises:
        StudyError: it is too small for one.
    """
    folder = study.folder if study.folder.is_dir() else study.base
    free = shutil.disk_usage(folder).free
    if free < estimate.bytes_per_training:
        raise StudyError(
            f"{folder}: {free / _GB:.1f} GB are free, and one training needs about "
            f"{estimate.bytes_per_training / _GB:.1f} GB; free some space, or put the study elsewhere with `folder:`."
        )
    if free < estimate.bytes:
        return (
            f"{folder}: {free / _GB:.1f} GB are free, and the {estimate.trainings} trainings that remain need about "
            f"{estimate.bytes / _GB:.1f} GB."
        )
    return None


def check_gpus(study: Study) -> None:
    """Refuse GPUs that this machine does not have.

    Raises:
        StudyError: one is missing.
    """
    engine = study.engine
    if not isinstance(engine, LocalEngine) or not engine.gpus:
        return
    import torch

    if engine.device == "mps":
        if not torch.backends.mps.is_available():
            raise StudyError(
                "engine: gpus: [mps] is not allowed here, torch finds no Apple GPU; omit gpus for the CPU."
            )
        return
    there = torch.cuda.device_count()
    for gpu in engine.gpus:
        if isinstance(gpu, int) and gpu >= there:
            found = f"GPUs 0 to {there - 1}" if there else "no GPU"
            raise StudyError(f"engine: gpus: there is no GPU {gpu}, torch finds {found}; correct the list.")


def check_data(trainings: Sequence[Training]) -> None:
    """Refuse data sets of which a preprocessed file is missing or empty.

    Raises:
        DatasetError: one is.
    """
    seen = {(training.data.name, training.plans): training for training in trainings}
    for (name, plans), training in seen.items():
        folder = require_folder("nnUNet_preprocessed") / name
        entries = all_entries(read_json(folder / f"{plans}.json"), training.data.configuration)
        data = folder / entries["data_identifier"]
        sizes = {entry.name: entry.stat().st_size for entry in os.scandir(data)} if data.is_dir() else {}
        for case in (case for fold in training.data.folds or () for case in fold):
            files = [sizes.get(case + ending) for ending in (".b2nd", ".npz")]
            if not sizes.get(f"{case}.pkl") or not any(files):
                raise DatasetError(
                    f"{data}: the preprocessed files of {case} are missing or empty; remove them and run "
                    f"`nnUNetv2_preprocess` for {name} again."
                )
