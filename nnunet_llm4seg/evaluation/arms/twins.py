"""The vanilla twin of an arm: the same training without the layer."""

from __future__ import annotations

import re

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.nnunet.plans import SOURCE_PLANS

# Parts of the names of this package's trainers; a test compares them with the classes.
LAYER_VARIANTS = (
    "DeepSeek",
    "Trainable",
    "RandomTrainable",
    "Random",
    "Shuffled",
    "Gated",
    "Residual",
    "Identity",
    "LoRA",
)
RECIPES = ("NoDeepSupervision", "AdamW", "AdamW1en4NoDeepSupervision")
_OURS = re.compile(rf"nnUNetTrainerLLM4Seg(?:{'|'.join(LAYER_VARIANTS)})?({'|'.join(RECIPES)})?(_[a-z0-9]+)?")
# What nnU-Net itself has; the vanilla arms of other recipes and lengths are trainers of this package.
_NNUNETS = re.compile(r"(?:NoDeepSupervision)?|_\d+epochs?")


def vanilla_twin(candidate: Arm) -> str:
    """TRAINER__PLANS of the same training without the layer; the plans are those that the candidate's were made from.

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
    """The trainer that differs in the layer only; a trainer that is not an LLM4Seg trainer is its own twin.

    Variants of this package lose the layer's variant too; the twin of a user's own trainer is its name without
    `LLM4Seg`.

    >>> twin_trainer("nnUNetTrainerLLM4SegGated_5epochs"), twin_trainer("nnUNetTrainerLLM4SegDA5")
    ('nnUNetTrainer_5epochs', 'nnUNetTrainerDA5')
    """
    ours = _OURS.fullmatch(trainer)
    if ours is None:
        return trainer.replace("LLM4Seg", "", 1)
    rest = "".join(part or "" for part in ours.groups())
    return f"nnUNetTrainer{'' if _NNUNETS.fullmatch(rest) else 'Vanilla'}{rest}"


def are_twins(trainer: str, other: str) -> bool:
    """Whether two trainers differ in the layer only."""
    own_pair = trainer.replace("LLM4Seg", "", 1) == other.replace("LLM4Seg", "", 1)
    return own_pair or twin_trainer(trainer) == twin_trainer(other)
