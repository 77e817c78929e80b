"""The user's own images in the demo: a small, seeded part of them, in the demo's own folder."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import write_json

TRAINING, HELD_OUT, LEAST = 40, 10, 10


def layout_of(folder: Path) -> str:
    """`raw` for an nnU-Net raw data set, `folder` for images/ beside masks/ (the official LLM4Seg layout).

    Raises:
        DatasetError: it is neither.
    """
    if (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir():
        return "raw"
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        return "folder"
    raise DatasetError(
        f"--data: {folder} is neither an nnU-Net raw data set (dataset.json, imagesTr/, labelsTr/) nor in the "
        "official LLM4Seg layout (images/ and masks/0/); give the folder that contains these."
    )


def write_part(source: Path, target: Path, *, seed: int) -> None:
    """Copy up to 40 training and 10 held-out cases of a raw data set, completely or not at all.

    Held-out cases go to imagesTs, with their reference in labelsTs; they are drawn from the cases with labels.

    Raises:
        DatasetError: it is not an nnU-Net raw data set with files, or has fewer than 10 cases.
    """
    try:
        description = json.loads((source / "dataset.json").read_text(encoding="utf-8"))
        ending = description["file_ending"]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"--data: {source / 'dataset.json'} cannot be used ({error!r}); fix it first.") from error
    labels = {path.name.removesuffix(ending): path for path in sorted((source / "labelsTr").glob(f"*{ending}"))}
    if len(labels) < LEAST:
        raise DatasetError(
            f"--data: {source} has {len(labels)} cases with a label ending in {ending} in labelsTr; the demo needs at "
            f"least {LEAST}."
        )
    names = sorted(labels)
    random.Random(seed).shuffle(names)
    held_out = min(HELD_OUT, len(names) // 5)
    chosen = {name: "Ts" for name in names[:held_out]} | {name: "Tr" for name in names[held_out : held_out + TRAINING]}
    unfinished = target.with_name(f".{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("imagesTr", "labelsTr", "imagesTs", "labelsTs"):
        (unfinished / part).mkdir(parents=True)
    for name, part in chosen.items():
        shutil.copy2(labels[name], unfinished / f"labels{part}")
        for channel in range(len(description["channel_names"])):
            image = source / "imagesTr" / f"{name}_{channel:04d}{ending}"
            if not image.is_file():
                raise DatasetError(
                    f"--data: {image} is missing, though there is a label for it; complete the data set."
                )
            shutil.copy2(image, unfinished / f"images{part}")
    description["numTraining"] = len(chosen) - held_out
    write_json(unfinished / "dataset.json", description)
    os.replace(unfinished, target)
