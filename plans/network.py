"""The network that plans name, built without memory: its parameters and the channels of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.errors import DatasetError


def planned_network(architecture: Mapping[str, Any], input_channels: int = 1, num_classes: int = 2) -> nn.Module:
    """The vanilla network on torch's device `meta`, without deep supervision.

    Args:
        architecture: Of a configuration in nnU-Net's plans.

    Raises:
        DatasetError: nnU-Net cannot build it.
    """
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    name = architecture.get("network_class_name")
    try:
        with torch.device("meta"):
            return get_network_from_plans(
                name,
                architecture["arch_kwargs"],
                architecture["_kw_requires_import"],
                input_channels,
                num_classes,
                allow_init=False,
                deep_supervision=False,
            )
    except (ImportError, KeyError, TypeError, ValueError, AssertionError) as error:
        raise DatasetError(
            f"plans: nnU-Net cannot build the network {name!r} of these plans ({type(error).__name__}: {error}); "
            "start from plans of nnU-Net's own planners with -p."
        ) from error


def stage_channels(architecture: Mapping[str, Any]) -> list[int]:
    """Channels of each stage of the encoder, largest grid first.

    Raises:
        DatasetError: see `planned_network`.
    """
    arguments = architecture.get("arch_kwargs", {})
    features, strides = arguments.get("features_per_stage"), arguments.get("strides")
    if isinstance(features, list) and isinstance(strides, list) and len(features) == len(strides):
        return features
    encoder: Any = planned_network(architecture).encoder
    return list(encoder.output_channels)
