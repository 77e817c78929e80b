"""Control: a layer that starts from random weights and is trained."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegRandomTrainable(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"weights": "random", "trainable": True}


class nnUNetTrainerLLM4SegRandomTrainable_smoke(SmokeBudget, nnUNetTrainerLLM4SegRandomTrainable):
    pass


class nnUNetTrainerLLM4SegRandomTrainable_1epoch(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 1


class nnUNetTrainerLLM4SegRandomTrainable_5epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 5


class nnUNetTrainerLLM4SegRandomTrainable_10epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 10


class nnUNetTrainerLLM4SegRandomTrainable_20epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 20


class nnUNetTrainerLLM4SegRandomTrainable_50epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 50


class nnUNetTrainerLLM4SegRandomTrainable_100epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 100


class nnUNetTrainerLLM4SegRandomTrainable_250epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 250


class nnUNetTrainerLLM4SegRandomTrainable_500epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 500


class nnUNetTrainerLLM4SegRandomTrainable_750epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 750


class nnUNetTrainerLLM4SegRandomTrainable_2000epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 2000


class nnUNetTrainerLLM4SegRandomTrainable_4000epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 4000


class nnUNetTrainerLLM4SegRandomTrainable_8000epochs(nnUNetTrainerLLM4SegRandomTrainable):
    epochs = 8000
