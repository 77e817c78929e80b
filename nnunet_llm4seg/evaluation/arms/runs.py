"""An arm and its runs; each of their files is read once, when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_llm4seg.nnunet import names
from nnunet_llm4seg.nnunet.files import read_dataset, read_json
from nnunet_llm4seg.nnunet.logs import TrainingLog, read_training_log
from nnunet_llm4seg.nnunet.plans import read_trained_plans

_LLM4SEG = "nnUNetTrainerLLM4Seg"


@dataclass(frozen=True)
class Run:
    """One model folder: all folds of an arm, trained once."""

    folder: Path
    _debug: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    _logs: dict[int, TrainingLog] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def plans(self) -> dict[str, Any]:
        return read_trained_plans(self.folder)

    @cached_property
    def dataset(self) -> dict[str, Any]:
        return read_dataset(self.folder)

    @property
    def root(self) -> Path:
        """The results root that holds this run."""
        return self.folder.parent.parent

    def fold(self, fold: int) -> Path:
        return names.fold_folder(self.folder, fold)

    def checkpoint(self, fold: int) -> Path:
        return self.fold(fold) / names.FINAL_CHECKPOINT

    def validation(self, fold: int) -> Path:
        """The folder of the fold's predictions."""
        return self.fold(fold) / names.VALIDATION

    def debug(self, fold: int) -> dict[str, Any]:
        """What debug.json records about a fold's training; empty if there is none."""
        if fold not in self._debug:
            path = self.fold(fold) / names.DEBUG
            said = read_json(path) if path.is_file() else {}
            self._debug[fold] = said if isinstance(said, dict) else {}
        return self._debug[fold]

    def log(self, fold: int) -> TrainingLog:
        if fold not in self._logs:
            self._logs[fold] = read_training_log(self.fold(fold))
        return self._logs[fold]


@dataclass(frozen=True)
class Arm:
    """One method: a trainer with its plans, and its runs."""

    trainer: str
    plans_name: str
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        return f"{self.trainer}__{self.plans_name}"

    @property
    def has_layer(self) -> bool:
        """Whether its trainer is one of LLM4Seg's, by its name."""
        return has_layer(self.trainer)


def has_layer(trainer: str) -> bool:
    """Whether a trainer is one of LLM4Seg's, by its name."""
    return trainer.startswith(_LLM4SEG)
