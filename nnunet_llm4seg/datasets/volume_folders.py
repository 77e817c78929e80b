"""Any 3D volumes with labels: NIfTI, NRRD or MetaImage, one or several channels, MR or CT."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.finding import VOLUME_ENDINGS, by_stem, files_of, first_folder, no_layout, paired
from nnunet_llm4seg.datasets.label_table import BACKGROUND, LabelTable, read_table
from nnunet_llm4seg.datasets.names import safe_name
from nnunet_llm4seg.datasets.pairing import masks_by_image
from nnunet_llm4seg.datasets.volumes import label_voxels, read_volume
from nnunet_llm4seg.errors import DatasetError

KNOWN = "imagesTr/ and labelsTr/ (perhaps imagesTs/), or images/ and labels/ (or masks/)"
_CHANNEL = re.compile(r"_(\d{4})$")
_AIR = -500  # Hounsfield units; MR has practically no negative values


def read_volumes(source: Path, *, labels: str | None = None, channels: str | None = None) -> SourceDataset:
    """Folders of images and labels; channels are files such as `a_0000` and `a_0001`, or `a_t1` and `a_flair`.

    Args:
        labels: classes by their values; None takes the values that the files contain.
        channels: names of the channels in the order of the files' numbers, or their names' endings: `CT` chooses
            nnU-Net's normalisation for CT, all other names z-scores. None means CT if the first image contains values
            as low as air's, else MR; a notice says so.

    Raises:
        ConfigError: the table of classes or the channels cannot be used.
        DatasetError: the layout is not one of these, images and labels do not match, or channels are missing.
    """
    images = first_folder(source / "imagesTr", source / "images", source / "image", source / "img")
    masks = first_folder(source / "labelsTr", source / "labels", source / "label", source / "masks", source / "mask")
    if images is None or masks is None:
        raise no_layout(source, KNOWN)
    names = tuple(name.strip() for name in channels.split(",")) if channels else ()
    image_of = _by_channel(images, names)
    if not image_of:
        raise DatasetError(f"{images} holds no files ending in {', '.join(VOLUME_ENDINGS)}; unpack the images there.")
    first = {name: files[0] for name, files in image_of.items()}
    label_of = masks_by_image(first, files_of(masks, VOLUME_ENDINGS))
    cases = [Case(name=name, images=image_of[name], masks=files) for name, _, files in paired(first, label_of)]
    tests = source / "imagesTs"
    if tests.is_dir():
        cases += [Case(name=name, images=files, test=True) for name, files in _by_channel(tests, names).items()]
    notices = []
    number = len(cases[0].images)
    if not names:
        names, notice = _modality(cases[0].images[0], number)
        notices.append(notice)
    if len(names) != number or any(len(case.images) != number for case in cases):
        counts = sorted({len(case.images) for case in cases})
        raise DatasetError(
            f"{images} holds cases of {' or '.join(map(str, counts))} channels and {len(names)} are named "
            f"({', '.join(names)}); complete the files, or name each channel with --channels."
        )
    table = read_table(labels) if labels else _table_of([case.masks[0] for case in cases if case.masks])
    return SourceDataset(
        name=safe_name(source.resolve().name),
        list_folders=(source,),
        cases=cases,
        labels=table.labels,
        table=table,
        channels=names,
        notices=notices,
    )


def _by_channel(folder: Path, channels: tuple[str, ...]) -> dict[str, tuple[Path, ...]]:
    """Files of each case in the order of its channels."""
    found: dict[str, dict[int, Path]] = {}
    endings = [f"_{name.lower()}" for name in channels] if len(channels) > 1 else []
    files = by_stem(files_of(folder, VOLUME_ENDINGS))
    for name, path in files.items():
        position = next((n for n, ending in enumerate(endings) if name.lower().endswith(ending)), None)
        if position is not None:
            found.setdefault(name[: -len(endings[position])], {})[position] = path
        elif match := _CHANNEL.search(name):
            found.setdefault(name[: match.start()], {})[int(match[1])] = path
        else:
            found.setdefault(name, {})[0] = path
    for name, channel_of in found.items():
        if sorted(channel_of) != list(range(len(channel_of))):
            known = [endings[n] if endings else f"_{n:04d}" for n in sorted(channel_of)]
            raise DatasetError(f"{folder}: {name!r} has the channels {', '.join(known)} alone; complete the files.")
    return {name: tuple(channel_of[n] for n in sorted(channel_of)) for name, channel_of in sorted(found.items())}


def _modality(image: Path, channels: int) -> tuple[tuple[str, ...], str]:
    if channels > 1:
        names = tuple(f"channel_{n}" for n in range(channels))
        return names, "channels are normalised by z-scores, as MR is; --channels CT,... says otherwise"
    lowest = float(np.min(read_volume(image, label=True).voxels))
    modality = "CT" if lowest <= _AIR else "MR"
    said = f"taken for {modality}, since {image.name} has values from {lowest:g}; --channels says otherwise"
    return (modality,), said


def _table_of(labels: list[Path]) -> LabelTable:
    """A class for every value that any label contains, `label_1` for 1."""
    values: set[int] = {0}
    for path in labels:
        values.update(np.unique(label_voxels(path)).tolist())
        if len(values) > 255:
            raise DatasetError(f"{path} and others hold {len(values)} values: are these labels, not images?")
    if len(values) < 2:
        raise DatasetError(f"all {len(labels)} labels are empty; give the folder of labels with values above 0.")
    names = [(BACKGROUND if value == 0 else f"label_{value}", (value,)) for value in sorted(values)]
    return LabelTable(tuple(names))
