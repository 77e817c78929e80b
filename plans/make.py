"""Write LLM4Seg plans beside nnU-Net's own, so that both arms share one set of preprocessed data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.files import write_json
from nnunet_llm4seg.llm.locate import config_at_hand
from nnunet_llm4seg.llm.positions import rotary_frequencies
from nnunet_llm4seg.llm.source import prepare_layer
from nnunet_llm4seg.llm.stack import describe_layers
from nnunet_llm4seg.nnunet.environment import dataset_id
from nnunet_llm4seg.nnunet.files import json_or_none
from nnunet_llm4seg.nnunet.plans import ASKED, SOURCE_PLANS, inherited, read_plans
from nnunet_llm4seg.plans.cascade import first_stage
from nnunet_llm4seg.plans.report import describe_plans
from nnunet_llm4seg.tokens import refuse_too_many_tokens


@dataclass(frozen=True)
class Written:
    """The file of new plans, and what to say about them, see `plans.report`."""

    path: Path
    description: tuple[str, ...]


def make_plans(
    source: Mapping[str, Any], configurations: Sequence[str], fields: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Copy plans and add an LLM layer to some of their configurations.

    Args:
        source: nnU-Net's plans, as loaded.
        configurations: Names of the configurations that get the layer; the others may inherit it.
        fields: The fields of `LLM4SegConfig` that the user gives.
        name: The new plans' name; results folders carry it.

    Raises:
        ConfigError: a field does not exist or its value is not allowed, by the network or by the model.
        DatasetError: the name cannot be used, there is no such configuration, or its cascade is incomplete.
        ModelFilesError: the model's `config.json` is on this machine, and the layer does not exist or cannot be built.
    """
    config = LLM4SegConfig.from_dict(fields)
    _refuse_what_the_model_lacks(config)
    if not name or "__" in name or "/" in name:
        raise DatasetError(
            f"plans: the name {name!r} is not allowed (nnU-Net splits folder names at '__'); choose another."
        )
    plans = deepcopy(dict(source))
    plans["plans_name"] = name
    plans[SOURCE_PLANS] = source["plans_name"]
    for configuration in configurations:
        first_stage(source, configuration)  # refuses a broken cascade
        architecture = deepcopy(dict(inherited(source, configuration, "architecture")))
        _refuse_what_the_encoder_lacks(source, configuration, architecture, config)
        architecture[ASKED] = dict(fields)
        plans["configurations"][configuration]["architecture"] = architecture
    return plans


def write_plans(
    folder: Path, configurations: Sequence[str], fields: Mapping[str, Any], *, source: str, name: str
) -> Written:
    """Make plans from `folder/source.json` and write them to `folder/name.json`.

    Args:
        folder: The data set's folder in nnUNet_preprocessed.

    Raises:
        DatasetError: there are no such plans, a configuration is not preprocessed, or other plans of that name
            exist already.
    """
    plans = make_plans(read_source(folder, source), configurations, fields, name)
    for configuration in configurations:
        if not is_preprocessed(folder, plans, configuration):
            data = folder / inherited(plans, configuration, "data_identifier")
            raise DatasetError(
                f"configuration: {configuration!r} is not preprocessed ({data} is missing or empty); run "
                f"`nnUNetv2_preprocess -d {dataset_id(folder.name)} -plans_name {source} -c {configuration}` first."
            )
    description = tuple(describe_plans(plans, configurations))  # before writing, since it can fail
    return Written(write_once(folder, plans), description)


def read_source(folder: Path, source: str) -> dict[str, Any]:
    """Read nnU-Net's plans `folder/source.json`.

    Raises:
        DatasetError: there are none, or the file contains something else.
    """
    origin = folder / f"{source}.json"
    if not origin.is_file():
        raise DatasetError(
            f"plans: there is no {origin}; run `nnUNetv2_plan_and_preprocess` for this data set, or name "
            "existing plans with -p."
        )
    return read_plans(origin, "name plans with -p, or run `nnUNetv2_plan_experiment` for this data set")


def is_preprocessed(folder: Path, plans: Mapping[str, Any], configuration: str) -> bool:
    """Whether the folder of a configuration's preprocessed data is there and not empty."""
    data = folder / inherited(plans, configuration, "data_identifier")
    return data.is_dir() and any(data.iterdir())


def write_once(folder: Path, plans: Mapping[str, Any]) -> Path:
    """Write plans under their own name.

    Raises:
        DatasetError: other plans of that name exist already, or they cannot be written.
    """
    target = folder / f"{plans['plans_name']}.json"
    if target.exists() and json_or_none(target) != plans:
        raise DatasetError(f"plans: {target} exists and differs; give the new plans another name with -o.")
    try:
        write_json(target, plans)
    except OSError as error:
        raise DatasetError(
            f"plans: {target} cannot be written ({error.strerror}); make the folder writable, or free disk space."
        ) from error
    return target


def _refuse_what_the_model_lacks(config: LLM4SegConfig) -> None:
    """Refuse layers or positions that the model does not have, if its `config.json` is on this machine."""
    if config.weights == "identity":
        prepare_layer(config)
        return
    model_config = config_at_hand(config.model, config.revision)
    if model_config is not None:
        for description in describe_layers(model_config, config.layer, config.depth):
            rotary_frequencies(description, config.positions)


def _refuse_what_the_encoder_lacks(
    source: Mapping[str, Any], configuration: str, architecture: Mapping[str, Any], config: LLM4SegConfig
) -> None:
    """Refuse a stage that the encoder does not have, and more tokens than are allowed."""
    strides = architecture.get("arch_kwargs", {}).get("strides")
    if not isinstance(strides, list):
        raise DatasetError(
            f"configuration: the network of {configuration!r}, {architecture.get('network_class_name')!r}, has no "
            "strides in its arch_kwargs, so its tokens cannot be counted; start from plans of nnU-Net's own planners "
            "with -p."
        )
    refuse_too_many_tokens(strides, inherited(source, configuration, "patch_size"), config)
