"""Adds to the features instead of replacing them, from exactly zero; all tokens see each other."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegGated(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"residual": "gated", "attention": "bidirectional", "positions": "axial"}


class nnUNetTrainerLLM4SegGated_smoke(SmokeBudget, nnUNetTrainerLLM4SegGated):
    pass


class nnUNetTrainerLLM4SegGated_1epoch(nnUNetTrainerLLM4SegGated):
    epochs = 1


class nnUNetTrainerLLM4SegGated_5epochs(nnUNetTrainerLLM4SegGated):
    epochs = 5


class nnUNetTrainerLLM4SegGated_10epochs(nnUNetTrainerLLM4SegGated):
    epochs = 10


class nnUNetTrainerLLM4SegGated_20epochs(nnUNetTrainerLLM4SegGated):
    epochs = 20


class nnUNetTrainerLLM4SegGated_50epochs(nnUNetTrainerLLM4SegGated):
    epochs = 50


class nnUNetTrainerLLM4SegGated_100epochs(nnUNetTrainerLLM4SegGated):
    epochs = 100


class nnUNetTrainerLLM4SegGated_250epochs(nnUNetTrainerLLM4SegGated):
    epochs = 250


class nnUNetTrainerLLM4SegGated_500epochs(nnUNetTrainerLLM4SegGated):
    epochs = 500


class nnUNetTrainerLLM4SegGated_750epochs(nnUNetTrainerLLM4SegGated):
    epochs = 750


class nnUNetTrainerLLM4SegGated_2000epochs(nnUNetTrainerLLM4SegGated):
    epochs = 2000


class nnUNetTrainerLLM4SegGated_4000epochs(nnUNetTrainerLLM4SegGated):
    epochs = 4000


class nnUNetTrainerLLM4SegGated_8000epochs(nnUNetTrainerLLM4SegGated):
    epochs = 8000
