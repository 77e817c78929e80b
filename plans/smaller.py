"""Plans with a smaller network: nnU-Net's stages with fewer features or convolutions, on the same data."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.plans import inherited
from nnunet_llm4seg.plans.make import read_source, write_once


def write_smaller(
    folder: Path,
    configuration: str,
    *,
    features: tuple[int, int] | None,
    convolutions: int | None,
    source: str,
    name: str,
) -> Path:
    """Write plans of which the network has other features or other convolutions in its stages.

    Args:
        folder: The data set's folder in nnUNet_preprocessed, with `source.json`.
        features: First and most: stages have `first`, 2 `first`, 4 `first`, ... and at most `most` features. None: the
            source's.
        convolutions: Of every stage, in the encoder and the decoder. None: the source's.
        name: Of the new plans.

    Raises:
        DatasetError: the network of these plans has no such lists, or other plans of that name exist already.
    """
    plans = deepcopy(read_source(folder, source))
    plans["plans_name"] = name
    architecture = deepcopy(dict(inherited(plans, configuration, "architecture")))
    network = architecture.setdefault("arch_kwargs", {})
    if features is not None:
        first, most = features
        stages = len(_list(network, "features_per_stage", source))
        network["features_per_stage"] = [min(first * 2**i, most) for i in range(stages)]
    if convolutions is not None:
        for key in ("n_conv_per_stage", "n_conv_per_stage_decoder"):
            network[key] = [convolutions] * len(_list(network, key, source))
    plans["configurations"][configuration]["architecture"] = architecture
    return write_once(folder, plans)


def _list(network: dict[str, Any], key: str, source: str) -> list[int]:
    values = network.get(key)
    if not isinstance(values, list):
        raise DatasetError(
            f"plans: the network of {source} has no list {key}, so it cannot be made smaller; start from nnUNetPlans."
        )
    return values
