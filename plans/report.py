"""The output of `llm4seg plan` about the plans it wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.locate import quantisation_at_hand
from nnunet_llm4seg.llm.quantised import in_words
from nnunet_llm4seg.nnunet.plans import ASKED, inherited
from nnunet_llm4seg.plans.grid import planned_grid
from nnunet_llm4seg.plans.memory import planned_share
from nnunet_llm4seg.plans.network import planned_network

_PLANNED = ("patch_size", "batch_size", "architecture")


def describe_plans(plans: Mapping[str, Any], configurations: Sequence[str]) -> Iterator[str]:
    """Two lines per configuration: its patch, batch and token grid, and the LLM's share of the memory.

    A third one says how a GGUF file stores the layer's weights, if they are not the model's own.
    """
    for name in configurations:
        entry = {key: inherited(plans, name, key) for key in _PLANNED}
        config = LLM4SegConfig.from_dict(entry["architecture"][ASKED])
        grid = planned_grid(entry, config.stage)
        yield (
            f"{name}: patch {_times(entry['patch_size'])}, batch {entry['batch_size']}, token grid {_times(grid)} = "
            f"{math.prod(grid)} tokens"
        )
        share = planned_share(entry, config)
        yield f"{name}: {share}" if share else f"{name}: no memory estimate, {config.model} is not on this machine"
        if config.weights in ("pretrained", "shuffled") and (stored := quantisation_at_hand(config)):
            yield f"{name}: {config.layers} of the model, {in_words(stored)}"


def describe_network(
    plans: Mapping[str, Any], configurations: Sequence[str], dataset: Mapping[str, Any]
) -> Iterator[str]:
    """One line per configuration: the network's parameters, and the least memory that its training needs.

    Args:
        dataset: nnU-Net's dataset.json.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    channels = len(dataset["channel_names"])
    heads = PlansManager(dict(plans)).get_label_manager(dict(dataset)).num_segmentation_heads
    for name in configurations:
        entry = {key: inherited(plans, name, key) for key in _PLANNED}
        network = planned_network(entry["architecture"], channels, heads)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        outputs = int(network.compute_conv_feature_map_size(entry["patch_size"])) * entry["batch_size"]
        yield (
            f"{name}: {type(network).__name__} of {parameters:,} parameters for {channels} in and {heads} out; in "
            f"training at least {4e-6 * outputs:,.1f} MB for the outputs of its convolutions (float32)"
        )


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
