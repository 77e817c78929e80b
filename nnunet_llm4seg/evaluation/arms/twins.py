"""The vanilla twin of an arm: the same training without the layer."""

from __future__ import annotations

import re

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm, has_layer
from nnunet_llm4seg.nnunet.plans import SOURCE_PLANS

_EPOCHS = re.compile(r"\d+epochs?")
# how the names of trainers end that set optimiser, learning rate or supervision (`trainer.recipes`); longest first
_RECIPES = ("AdamW1en4NoDeepSupervision", "NoDeepSupervision", "AdamW")


def vanilla_twin(candidate: Arm) -> str:
    """TRAINER__PLANS of the same training without the layer.

    nnUNetTrainerLLM4SegGated_5epochs -> nnUNetTrainer_5epochs; other endings (`_demo`) belong to trainers of this
    package, whose twin is nnUNetTrainerVanilla_demo; recipes stay: nnUNetTrainerLLM4SegGatedAdamW ->
    nnUNetTrainerVanillaAdamW. The plans are those that the candidate's were made from.

    Raises:
        ComparisonError: the candidate is not an LLM4Seg trainer.
    """
    if not candidate.has_layer:
        raise ComparisonError(
            f"{candidate.trainer} has no vanilla twin, it is no LLM4Seg trainer; name one with"
            " --baseline TRAINER__PLANS."
        )
    plans = candidate.runs[0].plans.get(SOURCE_PLANS, candidate.plans_name)
    return f"{twin_trainer(candidate.trainer)}__{plans}"


def twin_trainer(trainer: str) -> str:
    """The trainer that differs in the layer only; a trainer that is no LLM4Seg one is its own."""
    if not has_layer(trainer):
        return trainer
    stem, _, suffix = trainer.partition("_")
    recipe = next((name for name in _RECIPES if stem.endswith(name)), "")
    if recipe:  # of these nnU-Net has one, in its default length
        nnunets_own = recipe == "NoDeepSupervision" and not suffix
    else:
        nnunets_own = not suffix or bool(_EPOCHS.fullmatch(suffix))
    vanilla = "nnUNetTrainer" if nnunets_own else "nnUNetTrainerVanilla"
    return f"{vanilla}{recipe}{'_' + suffix if suffix else ''}"


def are_twins(trainer: str, other: str) -> bool:
    """Whether two trainers differ in the layer only: ours, or a user's own pair nnUNetTrainer[LLM4Seg]Name."""
    own_pair = trainer.replace("LLM4Seg", "", 1) == other.replace("LLM4Seg", "", 1)
    return own_pair or twin_trainer(trainer) == twin_trainer(other)
