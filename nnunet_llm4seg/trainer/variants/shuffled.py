"""Control: the model's own weights in another order."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegShuffled(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"weights": "shuffled"}


class nnUNetTrainerLLM4SegShuffled_smoke(SmokeBudget, nnUNetTrainerLLM4SegShuffled):
    pass


class nnUNetTrainerLLM4SegShuffled_1epoch(nnUNetTrainerLLM4SegShuffled):
    epochs = 1


class nnUNetTrainerLLM4SegShuffled_5epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 5


class nnUNetTrainerLLM4SegShuffled_10epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 10


class nnUNetTrainerLLM4SegShuffled_20epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 20


class nnUNetTrainerLLM4SegShuffled_50epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 50


class nnUNetTrainerLLM4SegShuffled_100epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 100


class nnUNetTrainerLLM4SegShuffled_250epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 250


class nnUNetTrainerLLM4SegShuffled_500epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 500


class nnUNetTrainerLLM4SegShuffled_750epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 750


class nnUNetTrainerLLM4SegShuffled_2000epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 2000


class nnUNetTrainerLLM4SegShuffled_4000epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 4000


class nnUNetTrainerLLM4SegShuffled_8000epochs(nnUNetTrainerLLM4SegShuffled):
    epochs = 8000
