"""Data sets made worse on purpose: fewer training cases, or training labels with mistakes; validation stays as it was.

nnU-Net trains a case in four folds and validates on it in the fifth, and has one label per case. So label noise gives
each case a copy with the noisy label: the copies are in the training halves of splits_final.json, the clean cases in
the validation halves, and no case is in both. Fewer training cases need other splits only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.datasets import nnunet_folders
from nnunet_llm4seg.datasets.degradation import RECORD, Degradation, refuse_other
from nnunet_llm4seg.datasets.label_noise import LabelNoise
from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.datasets.tables import GROUPS
from nnunet_llm4seg.datasets.writer import NOTICES, written_dataset
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet import names
from nnunet_llm4seg.nnunet.environment import dataset_folder
from nnunet_llm4seg.nnunet.files import json_or_none, read_dataset, read_json, read_splits
from nnunet_llm4seg.nnunet.segmentations import find_reader, rewrite_segmentation

NOISY = "_noisy"  # ends the names of copies with a noisy label
_CHANNEL = re.compile(r"(.+)_\d{4}")

Splits = list[dict[str, list[str]]]


def degrade(dataset: str, dataset_id: int, how: Degradation) -> tuple[Path, list[str]]:
    """Write a degraded copy of a raw data set; images and clean labels are hard links where the file system allows.

    A data set that was made with the same arguments is kept.

    Returns:
        The folder, and sentences on what was done.

    Raises:
        ConfigError: the number is not allowed.
        DatasetError: the data set cannot be degraded in this way, or the number belongs to another one.
    """
    source = dataset_folder("nnUNet_raw", dataset)
    info = read_dataset(source)
    _refuse_unsupported(source, info, how)
    splits, read_from = source_splits(source, info)
    final = nnunet_folders.raw_folder(dataset_id, how.folder_name(dataset_id, source.name).partition("_")[2])
    record = _record(source, splits, how)
    if final.exists():
        refuse_other(final, source.name, how)
        if json_or_none(final / RECORD) != record:
            raise DatasetError(
                f"{final} was made from other splits of {source.name} than those in {read_from}; remove it or choose "
                "another number."
            )
        return final, ["it is there already, made with the same arguments"]
    nnunet_folders.refuse_stale_plans(final.name)
    lines: list[str] = []
    with written_dataset(final, record, overwrite=False) as folder:
        copied = _link_all(source, folder)
        if how.label_noise is None:
            new = _fewer(splits, how)
        else:
            new, lines, more = _noisy(source, folder, info, splits, how, how.label_noise)
            copied += more
            info = {**info, "numTraining": len(_cases(folder, info))}
        write_json(folder / names.DATASET, info)
        write_json(folder / names.SPLITS, new)
        write_json(folder / RECORD, record)
        _write_groups(source, folder, how)
    shared = f"images and clean labels are hard links to those of {source.name}"
    if copied:
        shared = f"{copied} files are copies, since hard links to those of {source.name} are not possible here"
    return final, [
        f"folds from {read_from}",
        *lines,
        *(
            f"fold {number}: {len(fold['train'])} training cases (of {len(before['train'])}), "
            f"{len(fold['val'])} validation cases, unchanged"
            for number, (fold, before) in enumerate(zip(new, splits, strict=True))
        ),
        shared,
        "train the folds by their numbers: `all` would train on every clean case",
    ]


def source_splits(source: Path, info: dict[str, Any]) -> tuple[Splits, str]:
    """The folds of a raw data set that nnU-Net would train, and where they come from.

    Raises:
        DatasetError: they cannot be read, name a case that does not exist, or cannot be made.
    """
    cases = _cases(source, info)
    places = [nnunet_folders.preprocessed_folder(source.name), source]
    path = next((p / names.SPLITS for p in places if p is not None and (p / names.SPLITS).is_file()), None)
    if path is None:
        if len(cases) < 5:
            raise DatasetError(f"{source} has {len(cases)} cases, too few for five folds; give it {names.SPLITS}.")
        from nnunetv2.utilities.crossval_split import generate_crossval_split

        made = generate_crossval_split(cases, seed=12345, n_splits=5)
        return [{part: list(map(str, fold[part])) for part in ("train", "val")} for fold in made], "nnU-Net's own rule"
    splits = read_splits(path)
    if unknown := {case for fold in splits for part in ("train", "val") for case in fold[part]} - set(cases):
        raise DatasetError(f"{path} names cases that are not in {source}: {some(unknown)}; correct it.")
    return splits, str(path)


def _refuse_unsupported(source: Path, info: dict[str, Any], how: Degradation) -> None:
    if "dataset" in info:
        raise DatasetError(f"{source / names.DATASET} lists its files itself, which degrade cannot read.")
    if (source / RECORD).exists():
        raise DatasetError(f"{source} is degraded already; degrade the data set from which it was made.")
    if how.label_noise is not None:
        if "ignore" in info["labels"]:
            raise DatasetError(
                f"{source} has an ignore label, which label noise would move; only fractions are possible."
            )
        if taken := [case for case in _cases(source, info) if case.endswith(NOISY)]:
            raise DatasetError(f"{source} has cases whose names end with {NOISY} ({some(taken)}); rename them.")


def _cases(folder: Path, info: dict[str, Any]) -> list[str]:
    ending = info["file_ending"]
    files = (path.name[: -len(ending)] for path in (folder / names.TRAINING_IMAGES).glob(f"*{ending}"))
    cases = sorted({match[1] for name in files if (match := _CHANNEL.fullmatch(name))})
    if not cases:
        raise DatasetError(f"{folder / names.TRAINING_IMAGES} holds no images with the ending {ending}.")
    return cases


def _record(source: Path, splits: Splits, how: Degradation) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(splits, sort_keys=True).encode()).hexdigest()
    return {**how.arguments(source.name), "sha256_of_source_splits": digest}


def _fewer(splits: Splits, how: Degradation) -> Splits:
    assert how.train_fraction is not None
    found = []
    for number, fold in enumerate(splits):
        count = round(how.train_fraction * len(fold["train"]))
        if not count:
            raise DatasetError(
                f"{how.train_fraction:g} of the {len(fold['train'])} training cases of fold {number} is none; give a "
                "larger fraction."
            )
        order = np.random.default_rng([how.seed, number]).permutation(sorted(fold["train"]))
        found.append({"train": sorted(map(str, order[:count])), "val": fold["val"]})
    return found


def _noisy(
    source: Path, folder: Path, info: dict[str, Any], splits: Splits, how: Degradation, noise: LabelNoise
) -> tuple[Splits, list[str], int]:
    """Write the copies with noisy labels; returns the splits, sentences, and the number of copied images."""
    trained = sorted({case for fold in splits for case in fold["train"]})
    ending, images, labels = info["file_ending"], names.TRAINING_IMAGES, names.TRAINING_LABELS
    reader = find_reader(info, source / labels / f"{trained[0]}{ending}")
    (folder / NOTICES).mkdir(exist_ok=True)
    copied, changed, emptied = 0, [], []
    for case in trained:
        rng = np.random.default_rng([how.seed, zlib.crc32(case.encode())])
        part = folder / NOTICES / f"{case}{ending}"  # writers choose the format by the ending
        before, after = rewrite_segmentation(
            reader,
            source / labels / f"{case}{ending}",
            part,
            partial(noise.apply, rng=rng),
        )
        os.replace(part, folder / labels / f"{case}{NOISY}{ending}")
        changed += [case] if not np.array_equal(before, after) else []
        emptied += [case] if before.any() and not after.any() else []
        for path in (source / images).glob(f"{_escaped(case)}_[0-9][0-9][0-9][0-9]{ending}"):
            copied += _link(path, folder / images / path.name.replace(case, f"{case}{NOISY}", 1))
    if not changed or len(emptied) == len(trained):
        what = "changes no label" if not changed else "leaves no foreground in any label"
        raise DatasetError(f"label noise: {noise} {what} of {source.name}; choose another strength.")
    lines = [f"{len(changed)} of {len(trained)} training labels are {noise.kind}, in copies that end with {NOISY}"]
    lines += [f"{len(emptied)} of them are empty now ({some(emptied)})"] if emptied else []
    return (
        [{"train": [f"{case}{NOISY}" for case in fold["train"]], "val": fold["val"]} for fold in splits],
        lines,
        copied,
    )


def _link_all(source: Path, folder: Path) -> int:
    """Link the images and labels of all cases; returns how many files had to be copied."""
    copied = 0
    for part in (names.TRAINING_IMAGES, names.TRAINING_LABELS, names.HELD_OUT_IMAGES, names.HELD_OUT_LABELS):
        if (source / part).is_dir():
            (folder / part).mkdir(exist_ok=True)
            copied += sum(_link(path, folder / part / path.name) for path in _files(source / part))
    return copied


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _link(source: Path, target: Path) -> bool:
    """Make a hard link; returns whether the file had to be copied instead."""
    if target.exists():  # by a run that was killed
        return not os.path.samefile(source, target)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without hard links
        with written_whole(target) as part:
            shutil.copyfile(source, part)
        return True
    return False


def _escaped(case: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", case)


def _write_groups(source: Path, folder: Path, how: Degradation) -> None:
    """groups.json with the noisy copies beside their cases: a copy of a near-duplicate leaks as the original does."""
    places = [source, nnunet_folders.preprocessed_folder(source.name)]
    path = next((p / GROUPS for p in places if p is not None and (p / GROUPS).is_file()), None)
    if path is None:
        return
    content = read_json(path, "correct or remove it")
    if how.label_noise is not None:
        there = {case[: -len(NOISY)] for case in _cases(folder, read_dataset(folder)) if case.endswith(NOISY)}
        content["groups"] = [
            [*group, *(f"{case}{NOISY}" for case in group if case in there)] for group in content["groups"]
        ]
    write_json(folder / GROUPS, content)
