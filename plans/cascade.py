"""nnU-Net's cascade: what its first stage is, and how to train it before the second.

The trainer of a second stage reads the first one's predictions from the results of its own trainer and plans, in
`TRAINER__PLANS__FIRST/predicted_next_stage/SECOND`; the first stage writes them at the end of each fold, for
that fold's validation cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnunet_llm4seg.errors import DatasetError
from nnunet_llm4seg.nnunet.names import model_folder_name
from nnunet_llm4seg.nnunet.plans import all_entries, asking_configurations


def first_stage(plans: Mapping[str, Any], configuration: str) -> str | None:
    """The first stage of a cascade's second stage; None for any other configuration.

    Raises:
        DatasetError: the plans do not have the first stage, or it does not write predictions for the second.
    """
    first = all_entries(plans, configuration).get("previous_stage")
    if first is None:
        return None
    if first not in plans["configurations"]:
        raise DatasetError(
            f"configuration: {configuration!r} is the second stage of a cascade, but these plans have no "
            f"configuration {first!r}, its first; name other plans with -p, or choose another configuration."
        )
    following = all_entries(plans, first).get("next_stage")
    if configuration not in ([following] if isinstance(following, str) else following or []):
        raise DatasetError(
            f"configuration: {configuration!r} is the second stage of a cascade, but the next_stage of its first, "
            f"{first!r}, is {following!r}, so nnU-Net would write no predictions for it; add it there."
        )
    return first


def in_training_order(plans: Mapping[str, Any], configurations: Sequence[str]) -> list[str]:
    """The configurations, each first stage of a cascade before its second."""
    firsts = [first for each in configurations if (first := first_stage(plans, each)) in configurations]
    return list(dict.fromkeys([*(first for first in firsts if first), *configurations]))


def describe_cascade(
    plans: Mapping[str, Any], configuration: str, *, trainer: str, other: str, plan_both: str
) -> Iterator[str]:
    """What the first stage of a planned second stage is and how it is trained; nothing if there is no cascade.

    Args:
        plans: LLM4Seg plans.
        trainer: The LLM4Seg trainer of the second stage.
        other: Name of the results folder's trainer and plans of another arm, as `TRAINER__PLANS`.
        plan_both: Command that plans both stages with the layer.
    """
    first = first_stage(plans, configuration)
    if first is None:
        return
    folder = f"$nnUNet_results/{plans['dataset_name']}"
    ours = f"{folder}/{model_folder_name(trainer, plans['plans_name'], first)}/predicted_next_stage"
    yield f"{configuration} is the second stage of a cascade; its first stage is {first}."
    yield f"Its trainer reads the first stage's predictions of all cases from {ours}/{configuration}."
    if first in asking_configurations(plans):
        yield f"{first} has the LLM layer too: train it in all folds first, as above; that writes them."
    else:
        yield f"{first} asks for no LLM layer in these plans, so {trainer} cannot train it. Either plan both:"
        yield f"\n{plan_both}\n"
        yield f"and train {first} in all folds before {configuration}; or link another arm's first stage."
    yield f"To use the first stage of another arm, such as {other}, train that in all folds and link its predictions:"
    yield f'\nmkdir -p "{ours}"'
    yield f'ln -s "{folder}/{other}__{first}/predicted_next_stage/{configuration}" "{ours}/"\n'
    yield "`llm4seg compare` takes both arms as equal but for the layer only if they share one first stage."
