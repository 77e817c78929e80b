"""States of trainings as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from nnunet_llm4seg.study.file import Study
from nnunet_llm4seg.study.folder import amendments
from nnunet_llm4seg.study.states import CANCELLED, DONE, FAILED, RUNNING, State, count
from nnunet_llm4seg.study.trainings import Training


def states_table(trainings: Sequence[Training], states: Mapping[str, State]) -> Table:
    """One row per data set, arm and run, one column per fold."""
    folds = sorted({training.fold for training in trainings})
    table = Table("run", "data set", "arm", *(f"fold {fold}" for fold in folds))
    rows: dict[tuple[str, str, str], dict[int, str]] = {}
    for training in trainings:
        row = rows.setdefault((str(training.run), training.data.name, training.arm.name), {})
        row[training.fold] = cell(states[training.key])
    for names, cells in rows.items():
        table.add_row(*names, *(cells.get(fold, "") for fold in folds))
    return table


def cell(state: State) -> str:
    """A state in a few words."""
    if state.name == RUNNING:
        if state.validating:
            return "validating"
        rate = "" if state.seconds_per_epoch is None else f", {state.seconds_per_epoch:.0f} s each"
        eta = "" if state.eta_s is None else f", {state.eta_s / 3600:.1f} h left"
        return f"epoch {state.epoch} of {state.epochs}{rate}{eta}"
    if state.name in (DONE, FAILED, CANCELLED) or not state.epoch:
        return state.name + (" for good" if state.given_up else "")
    return f"{state.name} at epoch {state.epoch} of {state.epochs}"


def faults(states: Mapping[str, State]) -> list[str]:
    """A line per failed training."""
    return [f"{key}: {state.fault}" for key, state in states.items() if state.fault]


def states_json(study: Study, trainings: Sequence[Training], states: Mapping[str, State]) -> dict[str, Any]:
    """All that `status` knows, for other programs."""
    return {
        "study": study.name,
        "folder": str(study.folder),
        "sha256": study.sha256,
        "amendments": amendments(study),
        "count": count([states[training.key] for training in trainings]),
        "trainings": [
            {
                "key": training.key,
                "run": training.run,
                "dataset": training.data.name,
                "configuration": training.data.configuration,
                "arm": training.arm.name,
                "fold": training.fold,
                "trainer": training.trainer,
                "plans": training.plans,
                "results": str(training.fold_folder),
                "state": state.name,
                **{name: value for name, value in asdict(state).items() if name != "name"},
            }
            for training in trainings
            for state in [states[training.key]]
        ],
    }
