"""Plans with a narrower network: nnU-Net's topology with other numbers of features, on the same preprocessed data."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.plans import inherited
from nnunet_llm4seg.plans.make import read_source, write_once


def write_features(folder: Path, configuration: str, features: tuple[int, int], *, source: str, name: str) -> Path:
    """Write plans whose stages have `first`, 2 `first`, 4 `first`, ... and at most `most` features.

    Args:
        folder: The data set's folder in nnUNet_preprocessed, with `source.json`.
        features: First and most.
        name: Of the new plans.

    Raises:
        DatasetError: the network of these plans has no list of features, or other plans of that name exist already.
    """
    plans = deepcopy(read_source(folder, source))
    plans["plans_name"] = name
    architecture = deepcopy(dict(inherited(plans, configuration, "architecture")))
    stages = architecture.get("arch_kwargs", {}).get("features_per_stage")
    if not isinstance(stages, list):
        raise DatasetError(
            f"features: the network of {source} has no list features_per_stage, so it cannot be made narrower; start "
            "from nnUNetPlans."
        )
    first, most = features
    architecture["arch_kwargs"]["features_per_stage"] = [min(first * 2**i, most) for i in range(len(stages))]
    plans["configurations"][configuration]["architecture"] = architecture
    return write_once(folder, plans)
