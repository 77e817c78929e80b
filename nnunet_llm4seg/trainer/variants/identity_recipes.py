"""`Identity` by the recipes of the paper's other networks."""

from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import AdamW, AdamW1en4NoDeepSupervision, NoDeepSupervision
from nnunet_llm4seg.trainer.variants.identity import nnUNetTrainerLLM4SegIdentity


class nnUNetTrainerLLM4SegIdentityAdamW(nnUNetTrainerLLM4SegIdentity, AdamW):
    pass


class nnUNetTrainerLLM4SegIdentityAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegIdentityAdamW):
    pass


class nnUNetTrainerLLM4SegIdentityAdamW_50epochs(nnUNetTrainerLLM4SegIdentityAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegIdentityAdamW_100epochs(nnUNetTrainerLLM4SegIdentityAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegIdentityAdamW_250epochs(nnUNetTrainerLLM4SegIdentityAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegIdentity, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegIdentityAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegIdentityNoDeepSupervision(nnUNetTrainerLLM4SegIdentity, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegIdentityNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegIdentityNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegIdentityNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegIdentityNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegIdentityNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegIdentityNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegIdentityNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegIdentityNoDeepSupervision):
    epochs = 250
