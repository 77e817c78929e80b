"""Plans of the paper's protocol: patch, batch and spacing of LLM4Seg (arXiv 2506.18034) in nnU-Net's own topology.

They come as a pair on the same preprocessed data, patch and batch: without the LLM (the baseline) and with it.
docs/protocol.md says what is and what is not the paper's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet.environment import dataset_id
from nnunet_llm4seg.nnunet.plans import PROTOCOL, inherited
from nnunet_llm4seg.plans.grid import planned_grid
from nnunet_llm4seg.plans.make import Written, is_preprocessed, make_plans, read_source, write_once
from nnunet_llm4seg.plans.planner import planner_of, training_image_sizes
from nnunet_llm4seg.plans.report import describe_plans


@dataclass(frozen=True)
class Setting:
    """What the paper sets for one configuration.

    Attributes:
        patch_size: Pixels or voxels, nnU-Net's (z, y, x) order.
        batch_size: None leaves nnU-Net's own for that patch.
        spacing: Millimetres, (z, y, x); None leaves the images as they are.
    """

    patch_size: tuple[int, ...]
    batch_size: int | None = None
    spacing: tuple[float, ...] | None = None


SETTINGS = {
    "2d": Setting(patch_size=(256, 256), batch_size=8),
    "3d_fullres": Setting(patch_size=(96, 96, 96), spacing=(2.0, 1.5, 1.5)),
}


@dataclass(frozen=True)
class Pair:
    """The files of a pair, and the command that prepares their data, or None if that is done."""

    baseline: Path
    candidate: Written
    preprocess: str | None


def write_pair(
    folder: Path,
    configurations: Sequence[str],
    fields: Mapping[str, Any],
    *,
    protocol: str | None,
    source: str,
    name: str | None = None,
    token_grid: int | None = None,
) -> Pair:
    """Write the protocol's plans without and with the LLM layer beside nnU-Net's own.

    The baseline is called `SOURCE_paper`, or `SOURCE_paper_gridN`; its name is in the other's
    `llm4seg_source_plans`.

    Args:
        folder: The data set's folder in nnUNet_preprocessed, with `source.json` and nnU-Net's fingerprint.
        configurations: One: `2d` for 2D images of 256x256 pixels, or `3d_fullres` for volumes.
        fields: The fields of `LLM4SegConfig` that the user gives.
        protocol: Only `paper`.
        source: nnU-Net's plans to start from; their planner and normalisation are kept.
        name: Of the plans with the LLM layer; by default the baseline's with `_LLM4Seg`.
        token_grid: Edge of the grid at the bottleneck at which the encoder stops; by default where nnU-Net stops.

    Raises:
        ConfigError: the protocol, the configuration or the token grid is not one of the protocol's.
        DatasetError: the data set is not planned, is not what the protocol needs, or other plans of these names
            exist already.
    """
    baseline = protocol_baseline(folder, configurations, protocol=protocol, source=source, token_grid=token_grid)
    configuration, baseline_name = configurations[0], baseline["plans_name"]
    candidate = make_plans(baseline, [configuration], fields, name or f"{baseline_name}_LLM4Seg")
    described = tuple(describe_plans(candidate, [configuration]))
    first, second = write_once(folder, baseline), write_once(folder, candidate)
    preprocess = None
    if not is_preprocessed(folder, baseline, configuration):
        preprocess = f"nnUNetv2_preprocess -d {dataset_id(folder.name)} -plans_name {baseline_name} -c {configuration}"
    return Pair(first, Written(second, described), preprocess)


def protocol_baseline(
    folder: Path, configurations: Sequence[str], *, protocol: str | None, source: str, token_grid: int | None = None
) -> dict[str, Any]:
    """The protocol's plans without the LLM layer, not written; see `write_pair`."""
    if protocol != "paper":
        raise ConfigError(
            f"protocol: {protocol!r} is not allowed; `--protocol paper`, which --token-grid needs, is the only one."
        )
    if len(configurations) != 1 or configurations[0] not in SETTINGS:
        raise ConfigError(
            f"configuration: {', '.join(configurations)!r} is not allowed with --protocol; give one of "
            f"{', '.join(SETTINGS)} with -c."
        )
    if token_grid is not None and token_grid < 1:
        raise ConfigError(f"token-grid: {token_grid} is not allowed; give the tokens along one axis, such as 16.")
    configuration = configurations[0]
    origin = read_source(folder, source)
    baseline_name = f"{source}_paper" + (f"_grid{token_grid}" if token_grid else "")
    return protocol_plans(origin, folder, configuration, baseline_name, token_grid)


def protocol_plans(
    source: Mapping[str, Any], folder: Path, configuration: str, name: str, token_grid: int | None = None
) -> dict[str, Any]:
    """The baseline's plans: those of `source` with one configuration, as the paper sets it.

    Topology, features, 3D batch and resampling are computed by the planner that made `source`.
    """
    setting = SETTINGS[configuration]
    planner = planner_of(source, folder, name, setting.spacing)
    if token_grid:
        planner.UNet_featuremap_min_edge_length = token_grid
    plans = deepcopy(dict(source))
    plans["plans_name"] = name
    if configuration == "2d":
        entry = _two_dimensional(plans, planner, setting)
    else:
        entry = _three_dimensional(plans, planner, setting)
        entry["data_identifier"] = f"{source['plans_name']}_paper_{configuration}"  # one for all token grids
    plans["configurations"] = {configuration: entry}
    grid = planned_grid(entry)
    if token_grid and set(grid) != {token_grid}:
        raise ConfigError(
            f"token-grid: {token_grid} is not a grid of nnU-Net's encoder at this patch; choose "
            f"{_reachable(setting.patch_size)}."
        )
    plans[PROTOCOL] = {"name": "paper", "token_grid": grid}
    return json.loads(json.dumps(plans, default=_plain))


def _two_dimensional(plans: dict[str, Any], planner: Any, setting: Setting) -> dict[str, Any]:
    """The source's own 2d configuration and data, with the paper's patch and batch.

    The stored images must have the patch's size; nnU-Net pads those that it cropped to nonzero.
    """
    if "3d_fullres" in plans["configurations"]:
        found = "volumes"
    else:
        sizes = training_image_sizes(planner)
        found = "" if sizes == {setting.patch_size} else _listed(sizes)
    if found:
        height, width = setting.patch_size
        raise DatasetError(
            f"configuration: the protocol's 2d is for 2D images of {height}x{width} pixels, and this data set "
            f"contains {found}; convert it with `llm4seg convert … --size {height}` (2D), or choose -c 3d_fullres."
        )
    planned = _plan_patch(planner, inherited(plans, "2d", "spacing"), setting, 1.0)
    return {
        **plans["configurations"]["2d"],
        "patch_size": planned["patch_size"],
        "batch_size": setting.batch_size,
        "architecture": planned["architecture"],
    }


def _listed(sizes: set[tuple[int, ...]]) -> str:
    texts = ["x".join(map(str, size)) for size in sorted(sizes)]
    return f"images of {', '.join(texts[:3])}{' and other' if len(texts) > 3 else ''} pixels" if texts else "no images"


def _three_dimensional(plans: dict[str, Any], planner: Any, setting: Setting) -> dict[str, Any]:
    """A separate configuration: other spacing, so other preprocessed data, axis order included."""
    from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape

    fingerprint = planner.dataset_fingerprint
    cases = list(zip(fingerprint["shapes_after_crop"], fingerprint["spacings"], strict=True))
    if all(shape[0] == 1 for shape, _ in cases):
        raise DatasetError(
            "configuration: '3d_fullres' is for volumes, and this data set contains 2D images; use -c 2d."
        )
    median = np.median([compute_new_shape(shape, spacing, setting.spacing) for shape, spacing in cases], 0)
    forward, backward = planner.determine_transpose()
    for key in ("original_median_spacing_after_transp", "original_median_shape_after_transp"):
        in_file_order = [plans[key][axis] for axis in plans["transpose_backward"]]
        plans[key] = [in_file_order[axis] for axis in forward]
    plans["transpose_forward"], plans["transpose_backward"] = forward, backward
    voxels = float(np.prod(median)) * planner.dataset_json["numTraining"]
    entry = _plan_patch(planner, np.array(setting.spacing)[forward], setting, voxels)
    entry["median_image_size_in_voxels"] = median[forward]
    entry["batch_dice"] = False  # as nnU-Net does without a 3d_lowres
    return entry


def _plan_patch(planner: Any, spacing: Any, setting: Setting, voxels: float) -> dict[str, Any]:
    """nnU-Net's plan for images of exactly the patch's size.

    Args:
        voxels: In the whole data set; nnU-Net's batch covers at most 5 % of them.
    """
    entry = planner.get_plans_for_configuration(np.array(spacing), np.array(setting.patch_size), "", voxels, {})
    if tuple(entry["patch_size"]) != setting.patch_size:
        raise DatasetError(
            f"patch: nnU-Net plans {tuple(map(int, entry['patch_size']))} instead of {setting.patch_size}, for memory "
            "or divisibility; start from plans of another planner with -p, or choose another --token-grid."
        )
    return entry


def _reachable(patch_size: tuple[int, ...]) -> str:
    """Grids of at least 4 tokens along an axis at which halving the patch can end."""
    grids, size = [], patch_size[0] // 2
    while size >= 4:
        grids.append(str(size))
        if size % 2:
            break
        size //= 2
    return ", ".join(reversed(grids))


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as JSON values."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
