"""No language model: the same adapters, Linear C -> D -> C, with the model's hidden size D."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegIdentity(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"weights": "identity"}


class nnUNetTrainerLLM4SegIdentity_smoke(SmokeBudget, nnUNetTrainerLLM4SegIdentity):
    pass


class nnUNetTrainerLLM4SegIdentity_1epoch(nnUNetTrainerLLM4SegIdentity):
    epochs = 1


class nnUNetTrainerLLM4SegIdentity_5epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 5


class nnUNetTrainerLLM4SegIdentity_10epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 10


class nnUNetTrainerLLM4SegIdentity_20epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 20


class nnUNetTrainerLLM4SegIdentity_50epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 50


class nnUNetTrainerLLM4SegIdentity_100epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 100


class nnUNetTrainerLLM4SegIdentity_250epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 250


class nnUNetTrainerLLM4SegIdentity_500epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 500


class nnUNetTrainerLLM4SegIdentity_750epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 750


class nnUNetTrainerLLM4SegIdentity_2000epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 2000


class nnUNetTrainerLLM4SegIdentity_4000epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 4000


class nnUNetTrainerLLM4SegIdentity_8000epochs(nnUNetTrainerLLM4SegIdentity):
    epochs = 8000
