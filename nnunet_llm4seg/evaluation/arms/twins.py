"""The vanilla twin of an arm: the same training without the layer."""

from __future__ import annotations

import re

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm, has_layer
from nnunet_llm4seg.nnunet.plans import SOURCE_PLANS

_EPOCHS = re.compile(r"\d+epochs?")


def vanilla_twin(candidate: Arm) -> str:
    """TRAINER__PLANS of the same training without the layer.

    nnUNetTrainerLLM4SegGated_5epochs -> nnUNetTrainer_5epochs; other endings (`_demo`) belong to trainers of this
    package, whose twin is nnUNetTrainerVanilla_demo. The plans are those that the candidate's were made from.

    Raises:
        ComparisonError: the candidate is no LLM4Seg trainer.
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
    _, _, suffix = trainer.partition("_")
    vanilla = "nnUNetTrainer" if not suffix or _EPOCHS.fullmatch(suffix) else "nnUNetTrainerVanilla"
    return f"{vanilla}{'_' + suffix if suffix else ''}"


def are_twins(trainer: str, other: str) -> bool:
    """Whether two trainers differ in the layer only: ours, or a user's own pair nnUNetTrainer[LLM4Seg]Name."""
    own_pair = trainer.replace("LLM4Seg", "", 1) == other.replace("LLM4Seg", "", 1)
    return own_pair or twin_trainer(trainer) == twin_trainer(other)
