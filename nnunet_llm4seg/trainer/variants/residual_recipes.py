"""`Residual` by the recipes of the paper's other networks."""

from nnunet_llm4seg.trainer.budgets import SmokeBudget
from nnunet_llm4seg.trainer.recipes import AdamW, AdamW1en4NoDeepSupervision, NoDeepSupervision
from nnunet_llm4seg.trainer.variants.residual import nnUNetTrainerLLM4SegResidual


class nnUNetTrainerLLM4SegResidualAdamW(nnUNetTrainerLLM4SegResidual, AdamW):
    pass


class nnUNetTrainerLLM4SegResidualAdamW_smoke(SmokeBudget, nnUNetTrainerLLM4SegResidualAdamW):
    pass


class nnUNetTrainerLLM4SegResidualAdamW_50epochs(nnUNetTrainerLLM4SegResidualAdamW):
    epochs = 50


class nnUNetTrainerLLM4SegResidualAdamW_100epochs(nnUNetTrainerLLM4SegResidualAdamW):
    epochs = 100


class nnUNetTrainerLLM4SegResidualAdamW_250epochs(nnUNetTrainerLLM4SegResidualAdamW):
    epochs = 250


class nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision(nnUNetTrainerLLM4SegResidual, AdamW1en4NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision_smoke(
    SmokeBudget, nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision
):
    pass


class nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision_50epochs(
    nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision
):
    epochs = 50


class nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision_100epochs(
    nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision
):
    epochs = 100


class nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision_250epochs(
    nnUNetTrainerLLM4SegResidualAdamW1en4NoDeepSupervision
):
    epochs = 250


class nnUNetTrainerLLM4SegResidualNoDeepSupervision(nnUNetTrainerLLM4SegResidual, NoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegResidualNoDeepSupervision_smoke(SmokeBudget, nnUNetTrainerLLM4SegResidualNoDeepSupervision):
    pass


class nnUNetTrainerLLM4SegResidualNoDeepSupervision_50epochs(nnUNetTrainerLLM4SegResidualNoDeepSupervision):
    epochs = 50


class nnUNetTrainerLLM4SegResidualNoDeepSupervision_100epochs(nnUNetTrainerLLM4SegResidualNoDeepSupervision):
    epochs = 100


class nnUNetTrainerLLM4SegResidualNoDeepSupervision_250epochs(nnUNetTrainerLLM4SegResidualNoDeepSupervision):
    epochs = 250
