"""What the arms' networks cost, kept beside the report, so that a second report neither loads torch nor times them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import WorkerError
from nnunet_llm4seg.evaluation.arms.cost import Cost, measure_costs, recorded
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.pool import in_own_process
from nnunet_llm4seg.files import write_json

NAME = "costs.json"
_TEXTS = ("device", "note")
_LARGEST = 1e18
_RECORDED = ("checkpoint_bytes", "seconds_per_epoch", "peak_memory_mb")
_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


def costs(arms: Sequence[Arm], configuration: str, fold: int, memory: Path | None = None) -> dict[str, dict[str, Any]]:
    """Costs by arm name: from `memory` if nothing has changed since, otherwise measured and written to it.

    Latencies of arms are comparable only if they were timed in turns, so that all are kept or none. They are measured
    again for another machine, version of torch or nnU-Net, plans, or a checkpoint of another size or time. What logs
    tell is always read again.

    Raises:
        OSError: `memory` cannot be written.
    """
    if memory is None:
        return _measured(arms, configuration, fold)
    key = _key(arms, configuration, fold)
    found = _read(memory, key, [arm.name for arm in arms])
    if found is None:
        found = _measured(arms, configuration, fold)
        if not any(cost["note"] for cost in found.values()):
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_json(memory, {"key": key, "costs": found})
        return found
    for arm in arms:
        told = asdict(recorded(arm.runs[0], fold))
        found[arm.name] |= {name: told[name] for name in _RECORDED}
    return found


def _measured(arms: Sequence[Arm], configuration: str, fold: int) -> dict[str, dict[str, Any]]:
    """In a process of its own, whose networks and torch do not stay in memory; here if torch is loaded anyway."""
    if "torch" in sys.modules:
        return measure_costs(arms, configuration, fold)
    try:
        return in_own_process(measure_costs, arms, configuration, fold)
    except WorkerError:
        note = "networks not measured: the process was killed, most often because memory ran out"
        return {arm.name: {**asdict(recorded(arm.runs[0], fold)), "note": note} for arm in arms}


def _key(arms: Sequence[Arm], configuration: str, fold: int) -> str:
    versions = [version(name) for name in ("torch", "nnunetv2", "nnunet_llm4seg")]
    machine = [platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES"), platform.python_version()]
    parts: list[Any] = [machine, versions, configuration, fold]
    for arm in arms:
        run = arm.runs[0]
        state = run.checkpoint(fold).stat()
        parts.append([arm.name, run.plans, run.dataset, state.st_size, state.st_mtime_ns])
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=20).hexdigest()


def _read(path: Path, key: str, names: list[str]) -> dict[str, dict[str, Any]] | None:
    """The costs in a file; None if they are of something else, or not what `costs` writes."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] != key or list(content["costs"]) != names:
            return None
        return {name: _checked(cost) for name, cost in content["costs"].items()}
    except _BROKEN:
        return None


def _checked(cost: dict[str, Any]) -> dict[str, Any]:
    if list(cost) != [field.name for field in fields(Cost)]:
        raise ValueError("not a cost")
    for name, value in cost.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = isinstance(value, str) if name in _TEXTS else value is None or (number and 0 <= value < _LARGEST)
        if not right:
            raise ValueError(f"{name} cannot be {value!r}")
    return cost
