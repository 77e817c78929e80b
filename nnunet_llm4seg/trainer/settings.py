"""Settings are stored in the plans: what the user and the trainer ask for, and what a results folder was trained with.

A configuration's `architecture` contains `llm4seg`, only the fields that the user gave, and, only in the plans.json
of results, `llm4seg_resolved`: the complete settings and the layer's identity.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError, DatasetError, SettingsConflictError
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer, prepare_layer
from nnunet_llm4seg.nnunet.names import PLANS
from nnunet_llm4seg.nnunet.plans import (
    ASKED,
    RESOLVED,
    RESOLVED_FORMAT,
    asking_configurations,
    inherited,
    read_resolved,
)


@dataclass(frozen=True)
class Settings:
    """Complete settings of one training: what is injected, and which layer that is.

    Attributes:
        prepared: The layer itself, if resolving the settings has read it. It is never written.
    """

    config: LLM4SegConfig
    spec: LayerSpec
    prepared: PreparedLayer | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The entry for plans, see `nnunet.plans.read_resolved`."""
        return {"format": RESOLVED_FORMAT, "config": self.config.to_dict(), **self.spec.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """From what `nnunet.plans.read_resolved` returns."""
        return cls(LLM4SegConfig.from_dict(values["config"]), LayerSpec.from_dict(values))


def resolve(
    plans: Mapping[str, Any], configuration: str, trainer: str, variant: Mapping[str, Any], results: Path
) -> Settings:
    """Resolve the settings of a training, before anything is written.

    Args:
        plans: nnU-Net's plans, as loaded.
        configuration: Name of the configuration to train.
        trainer: Name of the trainer's class, for messages.
        variant: The fields that the trainer's class sets.
        results: The folder of all folds of this trainer, plans and configuration; it need not exist.

    Raises:
        SettingsConflictError: plan and trainer, or these and the earlier results, set a field differently.
        LLM4SegError: a field is not allowed, or the layer cannot be obtained (only if there are no earlier results).
    """
    config = requested(plans, configuration, trainer, variant)
    earlier = read_results(results, configuration)
    if earlier is None:
        prepared = prepare_layer(config)
        return Settings(config, prepared.spec, prepared)
    refuse_difference(Settings(config, earlier.spec), earlier, results)
    return earlier


def requested(plans: Mapping[str, Any], configuration: str, trainer: str, variant: Mapping[str, Any]) -> LLM4SegConfig:
    """Merge the plan's fields and the trainer's over the defaults.

    Plans that ask for a layer answer only for the configurations in which they ask for it; plans that nobody made
    with `llm4seg plan` mean the defaults.
    """
    architecture = inherited(plans, configuration, "architecture")
    planned = asking_configurations(plans)
    if ASKED not in architecture and planned:
        raise ConfigError(
            f"configuration: the plans {plans.get('plans_name')!r} ask for an LLM layer in {', '.join(planned)}, not "
            f"in {configuration!r}; plan it too: `llm4seg plan … -c {configuration} -o NAME`."
        )
    asked = architecture.get(ASKED, {})
    if not isinstance(asked, Mapping):
        raise ConfigError(f"architecture.{ASKED}: {asked!r} is not allowed; it must be an object of fields.")
    for name in variant:
        if name in asked and asked[name] != variant[name]:
            raise SettingsConflictError(
                f"{name}: the plans {plans.get('plans_name')!r} set {asked[name]!r}, but the trainer {trainer} sets "
                f"{variant[name]!r}; remove the field from the plans or choose another trainer."
            )
    return LLM4SegConfig.from_dict({**asked, **variant})


def refuse_difference(wanted: Settings, earlier: Settings, results: Path) -> None:
    """Refuse a training that differs in any field from the existing results."""
    ours, theirs = _flat(wanted), _flat(earlier)
    for name in theirs:
        if ours.get(name) != theirs[name]:
            raise SettingsConflictError(
                f"{name}: this training asks for {ours.get(name)!r}, but the results in {results} were trained with "
                f"{theirs[name]!r}; give the plans another name (`llm4seg plan … -o NAME`) or move those results away."
            )


def read_results(results: Path, configuration: str) -> Settings | None:
    """The settings with which a results folder was trained, or None before its first training."""
    plans = _read_json(results / PLANS)
    if plans is None or configuration not in plans.get("configurations", {}):
        return None
    entry = read_resolved(inherited(plans, configuration, "architecture"))
    return None if entry is None else Settings.from_dict(entry)


def write_into(plans: dict[str, Any], configuration: str, settings: Settings) -> None:
    """Put resolved settings into plans, for a configuration that may inherit its architecture."""
    architecture = deepcopy(inherited(plans, configuration, "architecture"))
    architecture[RESOLVED] = settings.to_dict()
    plans["configurations"][configuration]["architecture"] = architecture


def settings_in(architecture: Mapping[str, Any]) -> Settings:
    """The resolved settings in a configuration's `architecture`.

    Raises:
        ConfigError: there are none.
    """
    entry = read_resolved(architecture)
    if entry is None:
        raise ConfigError(
            f"architecture.{RESOLVED} is missing from these plans; build the network from the plans.json of a "
            "results folder, or train with an LLM4Seg trainer, which writes it."
        )
    return Settings.from_dict(entry)


def _flat(settings: Settings) -> dict[str, Any]:
    entry = json.loads(json.dumps(settings.to_dict()))
    return {**entry.pop("config"), **entry}


def _read_json(path: Path, patience_s: float = 5.0) -> dict[str, Any] | None:
    """Read a file that another fold may be writing at this moment (nnU-Net does not write it atomically)."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            if time.monotonic() > deadline:
                raise DatasetError(
                    f"{path} is damaged ({error}); restore it from a backup or move the results away."
                ) from error
            time.sleep(0.1)
