"""nnU-Net's plans: our keys in them, and how a configuration inherits.

A configuration inherits by `inherits_from`, entry by entry; the nearest entry is used as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.names import PLANS

# in a configuration's `architecture`: the fields that the user gave; in the plans.json of results, all of them
ASKED, RESOLVED = "llm4seg", "llm4seg_resolved"
RESOLVED_FORMAT = 1
# at the top: the name of the plans that these were made from, and the protocol that they follow
SOURCE_PLANS, PROTOCOL = "llm4seg_source_plans", "llm4seg_protocol"


def read_plans(path: Path, advice: str, required: Sequence[str] = ("plans_name", "dataset_name")) -> dict[str, Any]:
    """Plans of nnU-Net's, from a file.

    Args:
        path: `NAME.json` of a data set in nnUNet_preprocessed, or the plans.json of a results folder.
        advice: What to do where the file is missing or damaged, the end of a sentence.
        required: Names that the plans must have.

    Raises:
        DatasetError: the file cannot be read, or holds no plans.
    """
    plans = read_json(path, advice)
    configurations = plans.get("configurations") if isinstance(plans, dict) else None
    if not isinstance(configurations, dict) or not all(isinstance(entry, dict) for entry in configurations.values()):
        raise DatasetError(f"{path}: it holds no plans of nnU-Net's; {advice}.")
    for name in required:
        if not isinstance(plans.get(name), str):
            raise DatasetError(f"{path}: it holds no plans of nnU-Net's, which have a {name}; {advice}.")
    return plans


def read_trained_plans(folder: Path) -> dict[str, Any]:
    """The plans with which a results folder was trained.

    Raises:
        DatasetError: see `read_plans`.
    """
    return read_plans(folder / PLANS, "restore the file, or train again", required=())


def inherited(plans: Mapping[str, Any], configuration: str, key: str) -> Any:
    """The entry `key` of a configuration, its own or inherited.

    Raises:
        DatasetError: there is no such configuration, or neither it nor those that it inherits from has the entry.
    """
    entries = all_entries(plans, configuration)
    if key in entries:
        return entries[key]
    raise DatasetError(
        f"configuration: {configuration!r} has no {key} in these plans, whose configurations are "
        f"{', '.join(plans['configurations'])}; choose one of them, or plan the experiment again."
    )


def asking_configurations(plans: Mapping[str, Any]) -> list[str]:
    """The configurations that ask for an LLM layer, their own or inherited."""
    found = []
    for configuration in plans["configurations"]:
        architecture = all_entries(plans, configuration).get("architecture")
        if isinstance(architecture, Mapping) and ASKED in architecture:
            found.append(configuration)
    return found


def read_resolved(architecture: Mapping[str, Any]) -> dict[str, Any] | None:
    """The resolved settings in a configuration's `architecture`, in today's format; None if there are none.

    Older formats are read here and nowhere else. Format 1 was first written without its number.

    Raises:
        ConfigError: a newer version of this package wrote them.
    """
    if RESOLVED not in architecture:
        return None
    entry = dict(architecture[RESOLVED])
    number = entry.pop("format", 1)
    if number != RESOLVED_FORMAT:
        raise ConfigError(
            f"architecture.{RESOLVED}: format {number!r} is not known to this version, which reads {RESOLVED_FORMAT}; "
            "update nnunet_llm4seg."
        )
    return entry


def all_entries(plans: Mapping[str, Any], configuration: str) -> dict[str, Any]:
    """All entries of a configuration, its own and inherited; empty if there is no such configuration."""
    entries: dict[str, Any] = {}
    name, seen = configuration, set()
    while name in plans["configurations"] and name not in seen:
        seen.add(name)
        entry = plans["configurations"][name]
        entries = {**entry, **entries}
        name = entry.get("inherits_from")
    entries.pop("inherits_from", None)
    return entries
