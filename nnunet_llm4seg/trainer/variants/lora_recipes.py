"""`LoRA` by the recipes of the paper's other networks."""

from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import AdamW, AdamW1en4NoDeepSupervision, NoDeepSupervision
from nnunet_llm4seg.trainer.variants.lora import nnUNetTrainerLLM4SegLoRA


class nnUNetTrainerLLM4SegLoRAAdamW(nnUNetTrainerLLM4SegLoRA, AdamW):
    pass


class nnUNetTrainerLLM4SegLoRAAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegLoRAAdamW):
    pass


class nnUNetTrainerLLM4SegLoRAAdamW_50epochs(nnUNetTrainerLLM4SegLoRAAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegLoRAAdamW_100epochs(nnUNetTrainerLLM4SegLoRAAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegLoRAAdamW_250epochs(nnUNetTrainerLLM4SegLoRAAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegLoRA, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision_50epochs(nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision_100epochs(nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision_250epochs(nnUNetTrainerLLM4SegLoRAAdamW1en4NoDeepSupervision):
    epochs = 250


class nnUNetTrainerLLM4SegLoRANoDeepSupervision(nnUNetTrainerLLM4SegLoRA, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegLoRANoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegLoRANoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegLoRANoDeepSupervision_50epochs(nnUNetTrainerLLM4SegLoRANoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegLoRANoDeepSupervision_100epochs(nnUNetTrainerLLM4SegLoRANoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegLoRANoDeepSupervision_250epochs(nnUNetTrainerLLM4SegLoRANoDeepSupervision):
    epochs = 250
