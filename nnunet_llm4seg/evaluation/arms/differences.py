"""Whether two arms differ in anything but the bottleneck.

Their trainers, their plans, dataset.json, and what debug.json records of their training are compared.
nnU-Net's own trainers do not record nnunetv2's version, nor whether `--val_best` validated another checkpoint than the
final one; LLM4Seg's do (`nnunetv2_version`, `validated_checkpoint`). Where they are missing, the version is not
compared and the final checkpoint is assumed; `unrecorded` names the arms for the report to say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.arms.twins import are_twins
from nnunet_llm4seg.llm.families import FAMILIES
from nnunet_llm4seg.llm.quantised import in_words
from nnunet_llm4seg.nnunet import names
from nnunet_llm4seg.nnunet.names import FINAL_CHECKPOINT
from nnunet_llm4seg.nnunet.plans import ASKED, RESOLVED, SOURCE_PLANS, all_entries, read_resolved

_INJECTED = (ASKED, RESOLVED)
_NOT_COMPARED = ("plans_name", SOURCE_PLANS, "configurations")
_OF_DATASET = ("labels", "channel_names", "numTraining")
_VERSION = "nnunetv2_version"
_TRAINING = (
    "num_epochs",
    "num_iterations_per_epoch",
    "initial_lr",
    "weight_decay",
    "optimizer",
    "loss",
    "enable_deep_supervision",
    "oversample_foreground_percent",
    _VERSION,
    "validated_checkpoint",
)
_ASSUMED = {"validated_checkpoint": FINAL_CHECKPOINT}


@dataclass(frozen=True)
class Difference:
    """One setting in which an arm differs from the baseline."""

    arm: str
    setting: str
    value: str
    baseline: str

    def __str__(self) -> str:
        return f"{self.setting} is {self.value} in {self.arm}, but {self.baseline} in the baseline"


def differences(arm: Arm, baseline: Arm, configuration: str, folds: Sequence[int]) -> list[Difference]:
    """All settings except the bottleneck in which any run of `arm` differs from the baseline's first run."""
    reference = _settings(baseline, 0, configuration)
    trained = _training(baseline, folds)
    found: dict[str, Difference] = {}
    if not are_twins(arm.trainer, baseline.trainer):
        found["trainer"] = Difference(arm.name, "trainer", arm.trainer, baseline.trainer)
    stages = _first_stage(arm, configuration), _first_stage(baseline, configuration)
    if stages[0] != stages[1]:
        found["first stage"] = Difference(arm.name, "first stage", *(str(stage) for stage in stages))
    for run in range(len(arm.runs)):
        for setting, value, other in _differing(_settings(arm, run, configuration), reference):
            found.setdefault(setting, Difference(arm.name, setting, _short(value), _short(other)))
    for name, values in _training(arm, folds).items():
        for ours, theirs in zip(values, trained[name], strict=True):
            if ours != theirs and not (name == _VERSION and not (ours and theirs)):
                found.setdefault(name, Difference(arm.name, name, _either(ours), _either(theirs)))
    return list(found.values())


def unrecorded(every: Sequence[Arm], folds: Sequence[int]) -> dict[str, list[str]]:
    """By arm, the settings that debug.json records in no fold, so that they could not be compared."""
    silent = {arm.name: [name for name, said in _training(arm, folds).items() if not any(said)] for arm in every}
    return {name: settings for name, settings in silent.items() if settings}


def recorded_versions(every: Sequence[Arm], folds: Sequence[int]) -> dict[str, list[str]]:
    """By arm, the versions of nnunetv2 that debug.json records; none if it records none."""
    return {arm.name: sorted(set().union(*_training(arm, folds)[_VERSION])) for arm in every}


def check_runs_alike(arm: Arm, configuration: str, folds: Sequence[int]) -> None:
    """Check that the runs of one arm are the same method, including the injected layer.

    Raises:
        ComparisonError: they are not.
    """
    first = _layer(arm, 0, configuration)
    for run in range(1, len(arm.runs)):
        for setting, value, other in _differing(_layer(arm, run, configuration), first):
            raise ComparisonError(
                f"{arm.name}: {setting} is {_short(other)} in {arm.runs[0].folder}, but {_short(value)} in"
                f" {arm.runs[run].folder}; these are not runs of one method, omit one root from --runs."
            )
    for difference in differences(arm, Arm(arm.trainer, arm.plans_name, arm.runs[:1]), configuration, folds):
        raise ComparisonError(
            f"{arm.name}: its runs differ in {difference.setting} ({difference.value};"
            f" {difference.baseline}); these are not runs of one method, omit one root from --runs."
        )


def layer_settings(arm: Arm, configuration: str) -> dict[str, Any]:
    """The injected layer's resolved settings, flat; empty for a vanilla arm.

    Beside the fields of `LLM4SegConfig`: `family`, with `(vision)` for a vision transformer, `quantisation` where
    the model's file was quantised, and `sha256`.
    """
    resolved = read_resolved(_configuration(arm, 0, configuration)["architecture"]) or {}
    found: dict[str, Any] = dict(resolved.get("config", {}))
    if model_type := resolved.get("model_config", {}).get("model_type"):
        row = FAMILIES.get(model_type)
        found["family"] = f"{model_type} (vision)" if row and row.vision else model_type
    if quantisation := resolved.get("quantisation"):
        found["quantisation"] = in_words(quantisation)
    return {**found, **({"sha256": resolved["sha256"]} if "sha256" in resolved else {})}


def _configuration(arm: Arm, run: int, configuration: str) -> dict[str, Any]:
    plans = arm.runs[run].plans
    entries = all_entries(plans, configuration)
    if not isinstance(entries.get("architecture"), dict):
        raise ComparisonError(
            f"{configuration}: no configuration with an architecture in the plans of {arm.name}; choose one of "
            f"{', '.join(plans['configurations'])}."
        )
    return entries


def _first_stage(arm: Arm, configuration: str) -> Path | None:
    """The folder of predictions that a cascade's second stage was trained with, links followed; None if no cascade.

    nnU-Net takes those of the arm's own trainer and plans, so two arms share a first stage only by a link.
    """
    run = arm.runs[0]
    previous = all_entries(run.plans, configuration).get("previous_stage")
    if not previous:
        return None
    folder = run.folder.parent / names.model_folder_name(arm.trainer, arm.plans_name, previous)
    return (folder / "predicted_next_stage" / configuration).resolve()


def _settings(arm: Arm, run: int, configuration: str) -> dict[str, Any]:
    plans, dataset = arm.runs[run].plans, arm.runs[run].dataset
    chosen = _configuration(arm, run, configuration)
    chosen["architecture"] = {k: v for k, v in chosen["architecture"].items() if k not in _INJECTED}
    rest = {key: value for key, value in plans.items() if key not in _NOT_COMPARED}
    return {**rest, **chosen, **{name: dataset.get(name) for name in _OF_DATASET}}


def _layer(arm: Arm, run: int, configuration: str) -> dict[str, Any]:
    architecture = _configuration(arm, run, configuration)["architecture"]
    resolved = read_resolved(architecture) or {}
    config = dict(resolved.get("config", {}))
    if config.get("weights", "pretrained") != "pretrained":
        # Control layers are drawn from a seed: a different draw is another run of the same control.
        resolved.pop("sha256", None)
        config.pop("seed", None)
    return {**resolved, "config": config}


def _training(arm: Arm, folds: Sequence[int]) -> dict[str, list[set[str]]]:
    """What debug.json says, by setting and fold: the values of all runs; an empty set if none is recorded."""
    values: dict[str, list[set[str]]] = {name: [set() for _ in folds] for name in _TRAINING}
    for run in arm.runs:
        for i, fold in enumerate(folds):
            debug = {**_ASSUMED, **run.debug(fold)}
            for name in _TRAINING:
                if name in debug:
                    values[name][i].add(_normalised(name, str(debug[name])))
    return values


def _normalised(name: str, text: str) -> str:
    if name == "optimizer":  # learning rates change while it trains; initial_lr is compared
        kept = re.findall(r"(\w+): (\S+)", text)
        return f"{text.split('(')[0].strip()} {dict(p for p in kept if p[0] not in ('lr', 'initial_lr'))}"
    if name == "loss":  # the parts; compiling does not change the loss
        return " ".join(re.findall(r"\w*[lL]oss\b(?=\()", text)) or text
    return text


def _differing(value: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        for key in sorted({*value, *other}):
            yield from _differing(value.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif value != other:
        yield path, value, other


def _either(values: set[str]) -> str:
    return " or ".join(map(_short, sorted(values))) or "not recorded"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
