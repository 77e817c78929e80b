"""nnU-Net's plans: our keys in them, and how a configuration inherits.

A configuration inherits by `inherits_from`, entry by entry, the nearest one whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.errors import DatasetError

# in a configuration's `architecture`: the fields that the user gave; in the plans.json of results, all of them
ASKED, RESOLVED = "llm4seg", "llm4seg_resolved"
# at the top: the name of the plans that these were made from, and the protocol that they follow
SOURCE_PLANS, PROTOCOL = "llm4seg_source_plans", "llm4seg_protocol"


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
