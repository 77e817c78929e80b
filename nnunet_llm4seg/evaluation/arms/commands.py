"""The commands that train the compared arms again, for the report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from nnunet_llm4seg.config import as_options
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.nnunet.plans import ASKED, SOURCE_PLANS, all_entries


def training_commands(every: Sequence[Arm], dataset: str, configuration: str, folds: Sequence[int]) -> list[str]:
    """Lines for a shell: how the plans with a layer were made, and the training of every arm and fold."""
    plans = {arm.plans_name: arm.runs[0].plans for arm in every}
    lines = [_plan_command(dataset, configuration, made) for made in plans.values() if made.get(SOURCE_PLANS)]
    for arm in every:
        ours = arm.has_layer or arm.trainer.startswith("nnUNetTrainerVanilla")
        train = "llm4seg train" if ours else "nnUNetv2_train"
        if len(arm.runs) > 1:
            lines.append(f"# {len(arm.runs)} times, each with its own nnUNet_results:")
        lines += [f"{train} {dataset} {configuration} {f} -tr {arm.trainer} -p {arm.plans_name}" for f in folds]
    return lines


def _plan_command(dataset: str, configuration: str, plans: Mapping[str, Any]) -> str:
    words = ["llm4seg", "plan", dataset, "-c", configuration, "-p", plans[SOURCE_PLANS]]
    words += ["-o", plans["plans_name"]]
    words += as_options(all_entries(plans, configuration)["architecture"].get(ASKED, {}))
    return shlex.join(words)
