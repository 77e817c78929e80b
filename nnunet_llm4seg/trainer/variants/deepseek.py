"""The paper's other model: the last layer of DeepSeek-R1-Distill-Qwen-1.5B."""

from typing import ClassVar

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import SmokeBudget


class nnUNetTrainerLLM4SegDeepSeek(nnUNetTrainerLLM4Seg):
    variant: ClassVar = {"model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "layer": 27}


class nnUNetTrainerLLM4SegDeepSeek_smoke(SmokeBudget, nnUNetTrainerLLM4SegDeepSeek):
    pass


class nnUNetTrainerLLM4SegDeepSeek_1epoch(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 1


class nnUNetTrainerLLM4SegDeepSeek_5epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 5


class nnUNetTrainerLLM4SegDeepSeek_10epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 10


class nnUNetTrainerLLM4SegDeepSeek_20epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 20


class nnUNetTrainerLLM4SegDeepSeek_50epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 50


class nnUNetTrainerLLM4SegDeepSeek_100epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 100


class nnUNetTrainerLLM4SegDeepSeek_250epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 250


class nnUNetTrainerLLM4SegDeepSeek_500epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 500


class nnUNetTrainerLLM4SegDeepSeek_750epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 750


class nnUNetTrainerLLM4SegDeepSeek_2000epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 2000


class nnUNetTrainerLLM4SegDeepSeek_4000epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 4000


class nnUNetTrainerLLM4SegDeepSeek_8000epochs(nnUNetTrainerLLM4SegDeepSeek):
    epochs = 8000
