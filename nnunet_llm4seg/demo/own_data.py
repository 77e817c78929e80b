"""The user's own images in the demo: a small, seeded part of them, in the demo's own folder."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.nnunet.names import DATASET, HELD_OUT_IMAGES, HELD_OUT_LABELS, TRAINING_IMAGES, TRAINING_LABELS

TRAINING, HELD_OUT, LEAST = 40, 10, 10


def layout_of(folder: Path) -> str:
    """`raw` for an nnU-Net raw data set, `folder` for images/ beside masks/ (the official LLM4Seg layout).

    Raises:
        DatasetError: it is neither.
    """
    if (folder / DATASET).is_file() and (folder / TRAINING_IMAGES).is_dir():
        return "raw"
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        return "folder"
    raise DatasetError(
        f"--data: {folder} is neither an nnU-Net raw data set (dataset.json, imagesTr/, labelsTr/) nor in the "
        "official LLM4Seg layout (images/ and masks/0/); give the folder that contains these."
    )


def check(folder: Path, layout: str) -> None:
    """Check that a demo can use these data, before it writes anything.

    Raises:
        DatasetError: images and masks do not pair, files are missing, or there are fewer than 10 cases.
    """
    if layout == "raw":
        _chosen(folder, seed=0)
        return
    from nnunet_llm4seg.datasets.found import find
    from nnunet_llm4seg.datasets.options import ConversionOptions

    cases = len(find("folder", folder, ConversionOptions()).training)
    if cases < LEAST:
        raise DatasetError(f"--data: {folder} has {cases} cases; the demo needs at least {LEAST}.")


def write_part(source: Path, target: Path, *, seed: int) -> None:
    """Copy up to 40 training and 10 held-out cases of a raw data set, completely or not at all.

    Held-out cases go to imagesTs, with their reference in labelsTs; they are drawn from the cases with labels.

    Raises:
        DatasetError: it is not an nnU-Net raw data set with files, or has fewer than 10 cases.
    """
    description, chosen = _chosen(source, seed=seed)
    unfinished = target.with_name(f".{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (TRAINING_IMAGES, TRAINING_LABELS, HELD_OUT_IMAGES, HELD_OUT_LABELS):
        (unfinished / part).mkdir(parents=True)
    for part, label, images in chosen:
        shutil.copy2(label, unfinished / f"labels{part}")
        for image in images:
            shutil.copy2(image, unfinished / f"images{part}")
    description["numTraining"] = sum(part == "Tr" for part, _, _ in chosen)
    write_json(unfinished / DATASET, description)
    os.replace(unfinished, target)


def _chosen(source: Path, *, seed: int) -> tuple[dict[str, Any], list[tuple[str, Path, list[Path]]]]:
    """Content of dataset.json, and of each case its part (Tr or Ts), its label and its images."""
    try:
        description = json.loads((source / DATASET).read_text(encoding="utf-8"))
        ending = description["file_ending"]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"--data: {source / DATASET} cannot be used ({error!r}); fix it first.") from error
    labels = {path.name.removesuffix(ending): path for path in sorted((source / TRAINING_LABELS).glob(f"*{ending}"))}
    if len(labels) < LEAST:
        raise DatasetError(
            f"--data: {source} has {len(labels)} cases with a label ending in {ending} in labelsTr; the demo needs at "
            f"least {LEAST}."
        )
    names = sorted(labels)
    random.Random(seed).shuffle(names)
    held_out = min(HELD_OUT, len(names) // 5)
    parts = {name: "Ts" for name in names[:held_out]} | {name: "Tr" for name in names[held_out : held_out + TRAINING]}
    chosen = []
    for name, part in parts.items():
        channels = range(len(description["channel_names"]))
        images = [source / TRAINING_IMAGES / f"{name}_{channel:04d}{ending}" for channel in channels]
        for image in images:
            if not image.is_file():
                raise DatasetError(
                    f"--data: {image} is missing, though there is a label for it; complete the data set."
                )
        chosen.append((part, labels[name], images))
    return description, chosen
