"""Control: a frozen layer with random weights."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegRandom(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"weights": "random"}


class nnUNetTrainerLLM4SegRandom_smoke(SmokeBudget, nnUNetTrainerLLM4SegRandom):
    pass


class nnUNetTrainerLLM4SegRandom_1epoch(nnUNetTrainerLLM4SegRandom):
    epochs = 1


class nnUNetTrainerLLM4SegRandom_5epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 5


class nnUNetTrainerLLM4SegRandom_10epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 10


class nnUNetTrainerLLM4SegRandom_20epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 20


class nnUNetTrainerLLM4SegRandom_50epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 50


class nnUNetTrainerLLM4SegRandom_100epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 100


class nnUNetTrainerLLM4SegRandom_250epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 250


class nnUNetTrainerLLM4SegRandom_500epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 500


class nnUNetTrainerLLM4SegRandom_750epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 750


class nnUNetTrainerLLM4SegRandom_2000epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 2000


class nnUNetTrainerLLM4SegRandom_4000epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 4000


class nnUNetTrainerLLM4SegRandom_8000epochs(nnUNetTrainerLLM4SegRandom):
    epochs = 8000
