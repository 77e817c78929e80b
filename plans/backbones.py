"""Plans of the paper's other networks: nnU-Net's data, patch and batch with another architecture, as a pair.

docs/protocol.md says network by network what is the paper's and what is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.nnunet.environment import dataset_id
from nnunet_llm4seg.nnunet.files import read_dataset
from nnunet_llm4seg.nnunet.plans import PROTOCOL, inherited
from nnunet_llm4seg.plans.cascade import first_stage
from nnunet_llm4seg.plans.grid import planned_grid
from nnunet_llm4seg.plans.make import Written, is_preprocessed, make_plans, read_source, write_once
from nnunet_llm4seg.plans.protocol import Pair, protocol_baseline
from nnunet_llm4seg.plans.report import describe_network, describe_plans

STAGES = 5
# every network halves each axis four times
MULTIPLE = 2 ** (STAGES - 1)


@dataclass(frozen=True)
class Backbone:
    """A published network.

    Attributes:
        network: Its class in `nnunet_llm4seg.backbones`.
        spatial_dims: Of the patches that it takes.
        recipe: The published way to train it, see `trainer.recipes`.
        arguments: Of its constructor, if they are not the defaults.
    """

    network: str
    spatial_dims: tuple[int, ...]
    recipe: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


_RATIOS = [2, 3, 4, 4, 4, 4, 4, 3, 2]
_LARGE = [3, 4, 8, 8, 8, 8, 8, 4, 3]
_MEDNEXT: dict[str, dict[str, Any]] = {
    "s": {},
    "b": {"expansion_ratios": _RATIOS},
    "m": {"expansion_ratios": _RATIOS, "n_blocks_per_stage": [3, 4, 4, 4, 4, 4, 4, 4, 3]},
    "l": {"expansion_ratios": _LARGE, "n_blocks_per_stage": _LARGE},
}
_CMUNEXT: dict[str, dict[str, Any]] = {
    "": {},
    "-s": {
        "features_per_stage": [8, 16, 32, 64, 128],
        "n_blocks_per_stage": [1, 1, 1, 1, 1],
        "kernel_sizes": [3, 3, 7, 7, 9],
    },
    "-l": {"features_per_stage": [32, 64, 128, 256, 512], "n_blocks_per_stage": [1, 1, 1, 6, 3]},
}
BACKBONES: dict[str, Backbone] = {
    "unet": Backbone("UNet", (2,), "NoDeepSupervision"),
    **{f"cmunext{size}": Backbone("CMUNeXt", (2,), "NoDeepSupervision", given) for size, given in _CMUNEXT.items()},
    **{f"mednext-{size}": Backbone("MedNeXt", (2, 3), "AdamW", given) for size, given in _MEDNEXT.items()},
    **{
        f"mednext-{size}-k5": Backbone("MedNeXt", (2, 3), "AdamW", {**given, "kernel_size": 5})
        for size, given in _MEDNEXT.items()
    },
    "uxnet": Backbone("UXNet", (3,), "AdamW1en4NoDeepSupervision"),
}


@dataclass(frozen=True)
class BackbonePair(Pair):
    """Plans of a published network without and with the LLM layer.

    Attributes:
        recipe: The published way to train it, see `trainer.recipes`.
    """

    recipe: str


def write_backbone_pair(
    folder: Path,
    configurations: Sequence[str],
    fields: Mapping[str, Any],
    *,
    backbone: str,
    source: str,
    name: str | None = None,
    protocol: str | None = None,
    token_grid: int | None = None,
    patch_size: Sequence[int] | None = None,
) -> BackbonePair:
    """Write plans of a published network without and with the LLM layer beside nnU-Net's own.

    The baseline is called `SOURCE_BACKBONE`, or `SOURCE_paper_BACKBONE`.

    Args:
        folder: The data set's folder in nnUNet_preprocessed.
        configurations: Names of the configurations that get the network, and the layer in the second plans.
        fields: The fields of `LLM4SegConfig` that the user gives.
        backbone: One of `BACKBONES`.
        source: nnU-Net's plans to start from.
        name: Of the plans with the LLM layer; by default the baseline's with `_LLM4Seg`.
        protocol: `paper`, or None for nnU-Net's own patch and batch.
        token_grid: Not allowed; it is always a sixteenth of the patch.
        patch_size: Pixels or voxels, nnU-Net's (z, y, x) order, instead of the planned one; for both plans.

    Raises:
        ConfigError: there is no such network, or it cannot take the patch.
        DatasetError: see `write_plans` and `write_pair`.
    """
    if backbone not in BACKBONES:
        raise ConfigError(
            f"backbone: {backbone!r} is not allowed{' with --patch-size' if backbone == 'nnunet' else ''}; choose one "
            f"of {', '.join(BACKBONES)}."
        )
    if token_grid is not None:
        raise ConfigError(
            f"token-grid: {token_grid} is not allowed with --backbone {backbone}, whose grid is 1/{MULTIPLE} of the "
            "patch; omit it."
        )
    if protocol is None:
        origin = read_source(folder, source)
    elif patch_size is None:
        origin = protocol_baseline(folder, configurations, protocol=protocol, source=source)
    else:
        raise ConfigError("patch-size: it is not allowed with --protocol, which sets the patch; omit one of them.")
    baseline = with_backbone(origin, configurations, backbone, patch_size)
    baseline_name = baseline["plans_name"]
    candidate = make_plans(baseline, configurations, fields, name or f"{baseline_name}_LLM4Seg")
    described = (
        *describe_network(baseline, configurations, read_dataset(folder)),
        *describe_plans(candidate, configurations),
    )
    first, second = write_once(folder, baseline), write_once(folder, candidate)
    missing = [each for each in configurations if not is_preprocessed(folder, baseline, each)]
    command = f"nnUNetv2_preprocess -d {dataset_id(folder.name)} -plans_name {baseline_name} -c {' '.join(missing)}"
    return BackbonePair(first, Written(second, described), command if missing else None, BACKBONES[backbone].recipe)


def with_backbone(
    source: Mapping[str, Any],
    configurations: Sequence[str],
    name: str,
    patch_size: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The plans `source` with a published network in some of their configurations; the data stay as they are.

    Args:
        name: One of `BACKBONES`.

    Raises:
        ConfigError: the network cannot take the patch, or a cascade's first stage is not among the configurations.
        DatasetError: there is no such configuration.
    """
    backbone = BACKBONES[name]
    plans = deepcopy(dict(source))
    plans["plans_name"] = f"{source['plans_name']}_{name}"
    for configuration in configurations:
        first = first_stage(source, configuration)
        if first is not None and first not in configurations:
            raise ConfigError(
                f"configuration: {configuration!r} is the second stage of a cascade; with --backbone, name its first "
                f"too, so that both have this network: `-c {first} -c {configuration}`."
            )
        planned = inherited(source, configuration, "patch_size")
        patch = list(patch_size or planned)
        if len(patch) != len(planned):
            raise ConfigError(
                f"patch-size: {_times(patch)} is not allowed, {configuration!r} has {len(planned)} axes; give a patch "
                f"such as {_times(nearest_patch(planned))}."
            )
        if len(patch) not in backbone.spatial_dims:
            fitting = [each for each, other in BACKBONES.items() if len(patch) in other.spatial_dims]
            raise ConfigError(
                f"backbone: {name!r} is not for {len(patch)}D patches, which {configuration!r} has; choose one of "
                f"{', '.join(fitting)}, or another configuration with -c."
            )
        if patch != nearest_patch(patch):
            raise ConfigError(
                f"patch-size: {name} cannot take the patch {_times(patch)} of {configuration!r}, it needs multiples "
                f"of {MULTIPLE} and more than one token; the nearest that works, for both arms, is `--patch-size "
                f"{_times(nearest_patch(patch))}`."
            )
        plans["configurations"][configuration].update(
            patch_size=patch, architecture=_architecture(backbone, len(patch))
        )
        if PROTOCOL in plans:
            grid = planned_grid(plans["configurations"][configuration])
            plans[PROTOCOL] = {**plans[PROTOCOL], "token_grid": grid, "backbone": name}
    return plans


def parse_patch(text: str) -> list[int]:
    """A patch such as 48x64x48.

    Raises:
        ConfigError: the text is something else.
    """
    edges = text.lower().split("x")
    if not all(edge.isdecimal() and int(edge) > 0 for edge in edges):
        raise ConfigError(f"patch-size: {text!r} is not allowed; give sizes in the plans' order, such as 48x64x48.")
    return [int(edge) for edge in edges]


def nearest_patch(patch: Sequence[int]) -> list[int]:
    """The nearest patch of multiples of 16 that leaves more than one token."""
    nearest = [max(1, math.floor(edge / MULTIPLE + 0.5)) * MULTIPLE for edge in patch]
    if all(edge == MULTIPLE for edge in nearest):
        nearest[-1] = 2 * MULTIPLE
    return nearest


def _architecture(backbone: Backbone, spatial_dims: int) -> dict[str, Any]:
    """nnU-Net's entry for a network that it is to build."""
    return {
        "network_class_name": f"nnunet_llm4seg.backbones.{backbone.network}",
        "arch_kwargs": {
            "n_stages": STAGES,
            "strides": [[1] * spatial_dims] + [[2] * spatial_dims for _ in range(STAGES - 1)],
            **deepcopy(dict(backbone.arguments)),
        },
        "_kw_requires_import": [],
    }


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
