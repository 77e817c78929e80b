"""Trainings of minutes, which differ from nnU-Net's other lengths only in the number of iterations."""

from __future__ import annotations

from typing import ClassVar

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class DemoBudget(nnUNetTrainer):
    """A training of minutes on a CPU: it shows that everything works, not which network is better."""

    epochs: ClassVar[int | None] = 8
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
        if self.epochs is not None:
            self.num_epochs = self.epochs
        self.num_iterations_per_epoch = self.iterations
        self.num_val_iterations_per_epoch = self.validation_iterations
        self.save_every = 1  # so that an interrupted demo continues where it was


class SmokeBudget(DemoBudget):
    """Four iterations, to show that a whole protocol runs on these data and this machine, and nothing else."""

    epochs: ClassVar[int | None] = 1
    iterations: ClassVar[int] = 4
    validation_iterations: ClassVar[int] = 1
