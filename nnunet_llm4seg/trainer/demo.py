"""Arms with a budget of minutes, vanilla and LLM4Seg alike: `_demo` for `llm4seg demo`, `_smoke` for a first try.

They differ from nnU-Net's other training lengths in their iterations only, and are found by name like any trainer.
"""

from __future__ import annotations

import os
from typing import ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg


class DemoBudget:
    """A training of minutes on a CPU: it shows that everything works, not which network is better."""

    epochs: ClassVar[int] = 8
    iterations: ClassVar[int] = 25
    validation_iterations: ClassVar[int] = 5

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = self.epochs
        self.num_iterations_per_epoch = self.iterations
        self.num_val_iterations_per_epoch = self.validation_iterations
        self.save_every = 1  # so that an interrupted demo goes on where it was


class SmokeBudget(DemoBudget):
    """Four iterations: does a whole protocol run on these data and this machine? It says nothing else."""

    epochs: ClassVar[int] = 1
    iterations: ClassVar[int] = 4
    validation_iterations: ClassVar[int] = 1


class nnUNetTrainerVanilla_demo(DemoBudget, nnUNetTrainer):
    """nnU-Net's own network, loss and schedule."""

    def save_checkpoint(self, filename: str | os.PathLike) -> None:
        """As nnU-Net's, but whole or not at all: the demo may be stopped at any moment."""
        if self.local_rank != 0 or self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        with written_whole(filename) as temporary:
            super().save_checkpoint(str(temporary))


class nnUNetTrainerVanilla_smoke(SmokeBudget, nnUNetTrainerVanilla_demo):
    """The same with four iterations."""


class nnUNetTrainerLLM4Seg_demo(DemoBudget, nnUNetTrainerLLM4Seg):
    """The demo's training with the LLM layer that the plans ask for."""


class nnUNetTrainerLLM4Seg_smoke(SmokeBudget, nnUNetTrainerLLM4Seg):
    """The same with four iterations; `trainer.variants` makes one of every variant."""
