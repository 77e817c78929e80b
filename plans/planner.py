"""nnU-Net's planner for a planned data set, and the size of the images for which it was planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.environment import dataset_id, require_folder
from nnunet_llm4seg.nnunet.files import json_or_none
from nnunet_llm4seg.nnunet.names import DATASET, FINGERPRINT, SPLITS


def planner_of(source: Mapping[str, Any], folder: Path, name: str, spacing: Sequence[float] | None) -> Any:
    """The planner that made `source`, an `ExperimentPlanner` of nnU-Net.

    Args:
        source: nnU-Net's plans, as loaded.
        folder: The data set's folder in nnUNet_preprocessed.
        name: Of the plans that it will make.
        spacing: Millimetres, (z, y, x), instead of those that the planner would choose.

    Raises:
        DatasetError: nnU-Net has no such planner, or a file that it needs is missing, damaged or stale.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    raw = require_folder("nnUNet_raw") / folder.name
    _require(raw / DATASET, {"labels", "numTraining", "file_ending"}, "put the raw data set there")
    _require(
        folder / FINGERPRINT,
        {"shapes_after_crop", "spacings"},
        f"run `nnUNetv2_extract_fingerprint -d {dataset_id(folder.name)} --clean`",
    )
    used = source.get("experiment_planner_used")
    planner_class = used and PlansManager(dict(source)).experiment_planner_class
    if planner_class is None:
        raise DatasetError(
            f"plans: the experiment_planner_used of {source['plans_name']!r} is {used!r}, which nnU-Net does not "
            "have; start from plans of one of its own planners with -p."
        )
    try:
        return planner_class(folder.name, plans_name=name, overwrite_target_spacing=spacing and list(spacing))
    except AssertionError as error:  # nnU-Net compares the two copies, but without a message
        raise DatasetError(f"splits: {raw / SPLITS} and {folder / SPLITS} differ; remove the stale one.") from error
    except OSError as error:
        raise DatasetError(
            f"dataset: {error.filename or raw} cannot be read ({error.strerror}); put the raw data set there."
        ) from error


def training_image_sizes(planner: Any) -> set[tuple[int, ...]]:
    """Sizes of the raw training images, (y, x) in pixels, from the files' headers.

    nnU-Net's plans and fingerprint know only the sizes after its crop to nonzero.

    Raises:
        DatasetError: an image cannot be read.
    """
    import SimpleITK

    sizes = set()
    for case in planner.dataset.values():
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(case["images"][0]))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise DatasetError(f"dataset: {case['images'][0]} cannot be read; replace this image.") from error
        sizes.add(tuple(size for size in reversed(reader.GetSize()) if size > 1))
    return sizes


def _require(path: Path, keys: set[str], remedy: str) -> None:
    content = json_or_none(path)
    if not isinstance(content, dict) or not keys <= content.keys():
        raise DatasetError(f"dataset: {path}, which nnU-Net's planner needs, is missing or damaged; {remedy}.")
