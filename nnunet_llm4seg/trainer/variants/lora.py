"""The frozen layer is adapted by low-rank updates of its linear maps (LoRA)."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegLoRA(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"lora_rank": 8}


class nnUNetTrainerLLM4SegLoRA_smoke(SmokeBudget, nnUNetTrainerLLM4SegLoRA):
    pass


class nnUNetTrainerLLM4SegLoRA_1epoch(nnUNetTrainerLLM4SegLoRA):
    epochs = 1


class nnUNetTrainerLLM4SegLoRA_5epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 5


class nnUNetTrainerLLM4SegLoRA_10epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 10


class nnUNetTrainerLLM4SegLoRA_20epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 20


class nnUNetTrainerLLM4SegLoRA_50epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 50


class nnUNetTrainerLLM4SegLoRA_100epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 100


class nnUNetTrainerLLM4SegLoRA_250epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 250


class nnUNetTrainerLLM4SegLoRA_500epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 500


class nnUNetTrainerLLM4SegLoRA_750epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 750


class nnUNetTrainerLLM4SegLoRA_2000epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 2000


class nnUNetTrainerLLM4SegLoRA_4000epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 4000


class nnUNetTrainerLLM4SegLoRA_8000epochs(nnUNetTrainerLLM4SegLoRA):
    epochs = 8000
