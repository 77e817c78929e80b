"""The labels of a data set, and where they are in a label map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import DatasetError

Box = tuple[slice, ...]
_LARGEST = 65_535  # a label map can name any number; nobody has more labels than this


@dataclass(frozen=True)
class Labels:
    """Foreground labels, or regions of several labels, by name; and the label of voxels to ignore."""

    regions: Mapping[str, tuple[int, ...]]
    ignore: int | None = None

    @classmethod
    def from_dataset_json(cls, dataset: Mapping[str, Any]) -> Labels:
        """From the `labels` of nnU-Net's dataset.json.

        Raises:
            DatasetError: they are not names with numbers (or lists of numbers) as in nnU-Net, or only background.
        """
        try:
            numbers = {name: v if isinstance(v, list) else [v] for name, v in dataset["labels"].items()}
            values = {name: tuple(map(int, v)) for name, v in numbers.items()}
            if not all(values.values()):
                raise ValueError("a list is empty")
        except (AttributeError, TypeError, ValueError) as error:
            raise DatasetError(
                f"dataset.json: labels {dataset['labels']!r} are not nnU-Net's, a number (or a list of them) by name;"
                " fix the file."
            ) from error
        if not any(set(region) != {0} for name, region in values.items() if name != "ignore"):
            raise DatasetError("dataset.json: labels hold no foreground; add the labels that the masks have.")
        ignore = values.pop("ignore", (None,))[0]
        return cls({name: region for name, region in values.items() if set(region) != {0}}, ignore)

    @property
    def foreground(self) -> tuple[int, ...]:
        """All labels that are in any region."""
        return tuple(sorted({value for region in self.regions.values() for value in region} - {0}))

    @property
    def allowed(self) -> set[int]:
        return {0, *(value for region in self.regions.values() for value in region)}


def boxes(labels: np.ndarray) -> dict[int, Box]:
    """The bounding box of each label from 1 to 65535 that occurs in a label map; others are not looked for."""
    from scipy.ndimage import find_objects

    largest = min(int(labels.max(initial=0)), _LARGEST)
    found = find_objects(labels, largest) if largest > 0 else []
    return {value: box for value, box in enumerate(found, start=1) if box is not None}


def union(parts: Sequence[Box], axes: int) -> Box:
    """The smallest box that contains all of some boxes; an empty one for none."""
    if not parts:
        return (slice(0, 0),) * axes
    return tuple(slice(min(p[a].start for p in parts), max(p[a].stop for p in parts)) for a in range(axes))


def region_mask(labels: np.ndarray, region: tuple[int, ...]) -> np.ndarray:
    """The voxels of a region as booleans."""
    mask = labels == region[0]
    for value in region[1:]:
        mask |= labels == value
    return mask
