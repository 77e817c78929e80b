"""The pre-trained layer is trained too."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegTrainable(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"trainable": True}


class nnUNetTrainerLLM4SegTrainable_smoke(SmokeBudget, nnUNetTrainerLLM4SegTrainable):
    pass


class nnUNetTrainerLLM4SegTrainable_1epoch(nnUNetTrainerLLM4SegTrainable):
    epochs = 1


class nnUNetTrainerLLM4SegTrainable_5epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 5


class nnUNetTrainerLLM4SegTrainable_10epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 10


class nnUNetTrainerLLM4SegTrainable_20epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 20


class nnUNetTrainerLLM4SegTrainable_50epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 50


class nnUNetTrainerLLM4SegTrainable_100epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 100


class nnUNetTrainerLLM4SegTrainable_250epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 250


class nnUNetTrainerLLM4SegTrainable_500epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 500


class nnUNetTrainerLLM4SegTrainable_750epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 750


class nnUNetTrainerLLM4SegTrainable_2000epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 2000


class nnUNetTrainerLLM4SegTrainable_4000epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 4000


class nnUNetTrainerLLM4SegTrainable_8000epochs(nnUNetTrainerLLM4SegTrainable):
    epochs = 8000
