"""ISIC 2016, 2017 and 2018 (task 1), skin lesions in dermoscopy."""

from __future__ import annotations

from pathlib import Path

from nnunet_llm4seg.datasets.cases import Case, SourceDataset
from nnunet_llm4seg.datasets.class_tables import table_rows, with_classes
from nnunet_llm4seg.datasets.finding import by_stem, files_of, no_layout, paired
from nnunet_llm4seg.errors import DatasetError

# year -> set -> (folder of the images, folder of the masks), as the challenge names them
YEARS = {
    2016: {
        "training": ("ISBI2016_ISIC_Part1_Training_Data", "ISBI2016_ISIC_Part1_Training_GroundTruth"),
        "test": ("ISBI2016_ISIC_Part1_Test_Data", "ISBI2016_ISIC_Part1_Test_GroundTruth"),
    },
    2017: {
        "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth"),
        "validation": ("ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part1_GroundTruth"),
        "test": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth"),
    },
    2018: {
        "training": ("ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"),
        "validation": ("ISIC2018_Task1-2_Validation_Input", "ISIC2018_Task1_Validation_GroundTruth"),
        "test": ("ISIC2018_Task1-2_Test_Input", "ISIC2018_Task1_Test_GroundTruth"),
    },
}
# likewise; 2018 has none for the images of task 1
CLASS_TABLES = {
    2016: {"training": "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"},
    2017: {
        "training": "ISIC-2017_Training_Part3_GroundTruth.csv",
        "validation": "ISIC-2017_Validation_Part3_GroundTruth.csv",
    },
}
_SUFFIX = "_segmentation"


def read_isic(source: Path) -> SourceDataset:
    """One year's folders. The validation set is part of the training cases and `official`'s only fold.

    Superpixels, licence files and all else that is not an image are skipped. Classes come from the tables of part 3.

    Raises:
        DatasetError: there are folders of no year or of several years, images and masks do not match, or a table
            lacks cases.
    """
    years = [year for year, sets in YEARS.items() if (source / sets["training"][0]).is_dir()]
    if not years:
        names = " or ".join(sets["training"][0] for sets in YEARS.values())
        raise no_layout(source, f"{names} and the folder of its masks")
    if len(years) > 1:
        raise DatasetError(f"{source} holds ISIC {years[0]} and {years[1]}; put each year into a folder of its own.")
    cases = {name: _of_set(name, *(source / f for f in pair)) for name, pair in YEARS[years[0]].items()}
    notices = []
    for name, file in CLASS_TABLES.get(years[0], {}).items():
        if cases[name] and (source / file).is_file():
            cases[name] = with_classes(cases[name], _classes(source / file), source / file)
        elif cases[name]:
            notices.append(f"{file} is not there: 5fold cannot stratify the {name} set by class")
    published = None
    if cases.get("validation"):
        training, validation = ([case.name for case in cases[name]] for name in ("training", "validation"))
        published = [(training, validation)]
    return SourceDataset(
        name=f"ISIC{years[0]}",
        list_folders=(source,),
        cases=[case for name in cases for case in cases[name]],
        labels={"background": 0, "lesion": 1},
        colour=True,
        published=published,
        published_in="the challenge's training and validation sets",
        notices=notices,
    )


def _classes(table: Path) -> dict[str, str]:
    """Class by case: the second column (2016), or the column `melanoma` or `seborrheic_keratosis` with a 1 (2017).

    What is neither of these two is a nevus.
    """
    header, *rows = table_rows(table) or [[]]
    if header[1:] == ["melanoma", "seborrheic_keratosis"]:
        return {name: _marked(header[1:], marks) or "nevus" for name, *marks in rows}
    if len(header) != 2:
        raise DatasetError(f"{table} begins with {header}; expected the challenge's table of part 3.")
    return {row[0]: row[1] for row in [header, *rows]}


def _marked(names: list[str], marks: list[str]) -> str | None:
    return next((name for name, mark in zip(names, marks, strict=False) if mark in ("1", "1.0")), None)


def _of_set(name: str, images: Path, masks: Path) -> list[Case]:
    if not images.is_dir() and not masks.is_dir() and name != "training":
        return []
    if not images.is_dir():
        raise DatasetError(f"{images} is missing beside {masks.name}; unpack it there.")
    image_of = by_stem(p for p in files_of(images) if not p.stem.lower().endswith("_superpixels"))
    if not image_of:
        raise DatasetError(f"{images} holds no images; unpack the {name} set there.")
    if not masks.is_dir():
        if name != "test":
            raise DatasetError(f"{masks} is missing; unpack the masks of the {name} set there.")
        return [Case(name=case, images=(path,), test=True) for case, path in image_of.items()]
    mask_of = by_stem(
        (p for p in files_of(masks) if p.stem.lower().endswith(_SUFFIX)), lambda p: p.stem[: -len(_SUFFIX)]
    )
    return [
        Case(name=case, images=(image,), masks=files, test=name == "test")
        for case, image, files in paired(image_of, {case: [path] for case, path in mask_of.items()})
    ]
