"""Published ways to train the paper's other networks, for both arms: optimiser, learning rate, supervision.

Each combines with any trainer by inheritance, after the trainer with the layer and before nnU-Net's own:
`class nnUNetTrainerLLM4SegGatedAdamW(nnUNetTrainerLLM4SegGated, AdamW)`. The schedule is nnU-Net's.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class Recipe(nnUNetTrainer):
    """A way of training that is neither nnU-Net's own nor a matter of the layer.

    Attributes:
        epochs: Length of the training; None leaves nnU-Net's.
        supervises_coarser_scales: Whether the heads at coarser scales are trained (deep supervision).
        rate: Learning rate at the start; None leaves nnU-Net's.
        decay: Weight decay; None leaves nnU-Net's.
        summary: What differs from nnU-Net's own training.
    """

    epochs: ClassVar[int | None] = None
    supervises_coarser_scales: ClassVar[bool] = True
    rate: ClassVar[float | None] = None
    decay: ClassVar[float | None] = None
    summary: ClassVar[str] = "nothing"

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 (nnU-Net's signature)
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.enable_deep_supervision = self.supervises_coarser_scales
        if self.epochs is not None:
            self.num_epochs = self.epochs
        if self.rate is not None:
            self.initial_lr = self.rate
        if self.decay is not None:
            self.weight_decay = self.decay


class NoDeepSupervision(Recipe):
    """As the paper's U-Net, CMUNeXt and 3D UX-Net, which have one head; what nnUNetTrainerNoDeepSupervision does."""

    supervises_coarser_scales = False
    summary = "no deep supervision"


class AdamW(Recipe):
    """As MedNeXt: AdamW at 1e-3 with nnU-Net's weight decay.

    The eps of 1e-4 is the published one, against NaN under float16.
    """

    rate = 1e-3
    eps: ClassVar[float] = 1e-4
    summary = "AdamW, learning rate 1e-3, eps 1e-4"

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.initial_lr, weight_decay=self.weight_decay, eps=self.eps
        )
        return optimizer, PolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)


class AdamW1en4NoDeepSupervision(AdamW, NoDeepSupervision):
    """As 3D UX-Net: AdamW at 1e-4 with PyTorch's weight decay and eps, one head; published at a constant rate."""

    summary = "AdamW, learning rate 1e-4, weight decay 1e-2, no deep supervision"
    rate = 1e-4
    eps = 1e-8
    decay = 1e-2


# what the names of trainers say, and what it means
RECIPES: dict[str, type[Recipe]] = {
    recipe.__name__: recipe for recipe in (NoDeepSupervision, AdamW, AdamW1en4NoDeepSupervision)
}


def vanilla_trainer(recipe: str) -> str:
    """The trainer without the layer of a recipe, nnU-Net's own where it has one."""
    return f"nnUNetTrainer{recipe}" if recipe in ("", "NoDeepSupervision") else f"nnUNetTrainerVanilla{recipe}"
