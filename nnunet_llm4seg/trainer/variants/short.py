"""Both arms with a budget of minutes: `_demo` for `llm4seg demo`, `_smoke` for a first try.

The variants' own `_smoke` are in their modules.
"""

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import DemoBudget, SmokeBudget
from nnunet_llm4seg.trainer.whole import WholeCheckpoints


class nnUNetTrainerVanilla_demo(DemoBudget, WholeCheckpoints, nnUNetTrainer):
    """nnU-Net's own network, loss and schedule; the demo may be stopped at any moment."""


class nnUNetTrainerVanilla_smoke(SmokeBudget, nnUNetTrainerVanilla_demo):
    """The same with four iterations."""


class nnUNetTrainerLLM4Seg_demo(DemoBudget, nnUNetTrainerLLM4Seg):
    """The demo's training with the LLM layer that the plans ask for."""


class nnUNetTrainerLLM4Seg_smoke(SmokeBudget, nnUNetTrainerLLM4Seg):
    """The same with four iterations."""
