"""BTCV, "Beyond the cranial vault": 30 abdominal CTs with 13 organs, and 20 test volumes without labels."""

from __future__ import annotations

import json
from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, Fold, SourceDataset
from nnunet_llm4seg.datasets.finding import by_stem, files_of, no_layout, paired, stem
from nnunet_llm4seg.errors import DatasetError

ORGANS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "esophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "portal vein and splenic vein",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
)
ENDINGS = (".nii.gz", ".nii")
# (images, labels, test images)
_LAYOUTS = (
    ("RawData/Training/img", "RawData/Training/label", "RawData/Testing/img"),
    ("Training/img", "Training/label", "Testing/img"),
    ("imagesTr", "labelsTr", "imagesTs"),
)


def read_btcv(source: Path) -> SourceDataset:
    """`RawData/Training/{img,label}`, or `imagesTr` and `labelsTr`; `official` is `dataset_0.json`'s 24/6.

    Raises:
        DatasetError: the layout is not one of these, or images and labels do not match.
    """
    layout = next((names for names in _LAYOUTS if (source / names[0]).is_dir()), None)
    if layout is None or not (source / layout[1]).is_dir():
        raise no_layout(source, "RawData/Training/ with img/ and label/, or imagesTr/ and labelsTr/")
    images, labels, tests = (source / name for name in layout)
    image_of = by_stem(files_of(images, ENDINGS), stem)
    label_of = by_stem(files_of(labels, ENDINGS), lambda path: stem(path).replace("label", "img", 1))
    if not image_of:
        raise DatasetError(f"{images} holds no {' or '.join(ENDINGS)} files; unpack the training volumes there.")
    cases = [
        Case(name=name, images=(image,), masks=files)
        for name, image, files in paired(image_of, {name: [path] for name, path in label_of.items()})
    ]
    if tests.is_dir():
        cases += [Case(name=stem(p), images=(p,), test=True) for p in files_of(tests, ENDINGS)]
    return SourceDataset(
        name="BTCV",
        list_folders=(source,),
        cases=cases,
        labels={"background": 0} | {organ: value for value, organ in enumerate(ORGANS, 1)},
        channels=("CT",),
        published=_published(source / "dataset_0.json"),
        published_in="dataset_0.json",
    )


def _published(path: Path) -> list[Fold] | None:
    """Only the lists are used: the file's `numTraining` is wrong."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        training, validation = ([stem(Path(e["image"])) for e in content[k]] for k in ("training", "validation"))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} is not a list of training and validation images; replace or remove it.") from error
    return [(training, validation)]
