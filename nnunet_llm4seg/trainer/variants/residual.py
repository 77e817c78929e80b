"""Adds to the features instead of replacing them, from exactly zero, and learns at full rate from the first step."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegResidual(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"residual": "zero"}


class nnUNetTrainerLLM4SegResidual_smoke(SmokeBudget, nnUNetTrainerLLM4SegResidual):
    pass


class nnUNetTrainerLLM4SegResidual_1epoch(nnUNetTrainerLLM4SegResidual):
    epochs = 1


class nnUNetTrainerLLM4SegResidual_5epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 5


class nnUNetTrainerLLM4SegResidual_10epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 10


class nnUNetTrainerLLM4SegResidual_20epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 20


class nnUNetTrainerLLM4SegResidual_50epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 50


class nnUNetTrainerLLM4SegResidual_100epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 100


class nnUNetTrainerLLM4SegResidual_250epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 250


class nnUNetTrainerLLM4SegResidual_500epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 500


class nnUNetTrainerLLM4SegResidual_750epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 750


class nnUNetTrainerLLM4SegResidual_2000epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 2000


class nnUNetTrainerLLM4SegResidual_4000epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 4000


class nnUNetTrainerLLM4SegResidual_8000epochs(nnUNetTrainerLLM4SegResidual):
    epochs = 8000
