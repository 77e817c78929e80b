"""Every trainer, written out in one module per variant. Names never change: checkpoints and results contain them."""
# ruff: noqa: F403, F405 (everything that those modules define belongs here)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.budgets import DemoBudget
from nnunet_llm4seg.trainer.recipes import Recipe
from nnunet_llm4seg.trainer.variants.adamw import *
from nnunet_llm4seg.trainer.variants.adamw_1en4_no_deep_supervision import *
from nnunet_llm4seg.trainer.variants.deepseek import *
from nnunet_llm4seg.trainer.variants.gated import *
from nnunet_llm4seg.trainer.variants.identity import *
from nnunet_llm4seg.trainer.variants.identity_recipes import *
from nnunet_llm4seg.trainer.variants.lora import *
from nnunet_llm4seg.trainer.variants.lora_recipes import *
from nnunet_llm4seg.trainer.variants.no_deep_supervision import *
from nnunet_llm4seg.trainer.variants.plain import *
from nnunet_llm4seg.trainer.variants.random import *
from nnunet_llm4seg.trainer.variants.random_trainable import *
from nnunet_llm4seg.trainer.variants.residual import *
from nnunet_llm4seg.trainer.variants.residual_recipes import *
from nnunet_llm4seg.trainer.variants.short import *
from nnunet_llm4seg.trainer.variants.shuffled import *
from nnunet_llm4seg.trainer.variants.trainable import *

# what follows nnUNetTrainerLLM4Seg in a variant's name -> the fields that it sets
VARIANTS: dict[str, Mapping[str, Any]] = {
    trainer.__name__.removeprefix("nnUNetTrainerLLM4Seg"): trainer.variant
    for trainer in (
        nnUNetTrainerLLM4Seg,
        nnUNetTrainerLLM4SegDeepSeek,
        nnUNetTrainerLLM4SegTrainable,
        nnUNetTrainerLLM4SegRandom,
        nnUNetTrainerLLM4SegRandomTrainable,
        nnUNetTrainerLLM4SegShuffled,
        nnUNetTrainerLLM4SegGated,
        nnUNetTrainerLLM4SegResidual,
        nnUNetTrainerLLM4SegIdentity,
        nnUNetTrainerLLM4SegLoRA,
    )
}

_EVERY = {
    name: found for name, found in globals().items() if name.startswith("nnUNetTrainer") and name != "nnUNetTrainer"
}
NAMES = tuple(_EVERY)  # of all trainers of this package
# both arms by the recipes of the paper's other networks, any length
RECIPE_TRAINERS: dict[str, type[nnUNetTrainer]] = {
    name: trainer for name, trainer in _EVERY.items() if issubclass(trainer, Recipe)
}
# trainings of minutes, with their vanilla arms: for `llm4seg demo`, and for a first try of any variant
SHORT_TRAINERS: dict[str, type[nnUNetTrainer]] = {
    name: trainer
    for name, trainer in _EVERY.items()
    if issubclass(trainer, DemoBudget) and name not in RECIPE_TRAINERS
}
TRAINERS: dict[str, type[nnUNetTrainerLLM4Seg]] = {
    name: trainer for name, trainer in _EVERY.items() if name not in {*SHORT_TRAINERS, *RECIPE_TRAINERS}
}
