"""Arms of a comparison: which folders of nnU-Net's results hold their runs, and are these complete?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.segmentations import case_names, name_differences
from nnunet_llm4seg.nnunet.files import read_dataset, read_plans
from nnunet_llm4seg.nnunet.plans import SOURCE_PLANS

_LLM4SEG = "nnUNetTrainerLLM4Seg"
_EPOCHS = re.compile(r"\d+epochs?")


@dataclass(frozen=True)
class Arm:
    """One method: a trainer with its plans, and one model folder for each of its runs."""

    trainer: str
    plans_name: str
    runs: tuple[Path, ...]

    @property
    def name(self) -> str:
        return f"{self.trainer}__{self.plans_name}"

    def plans(self, run: int = 0) -> dict[str, Any]:
        return read_plans(self.runs[run])

    def dataset(self, run: int = 0) -> dict[str, Any]:
        return read_dataset(self.runs[run])


def has_layer(trainer: str) -> bool:
    """Whether a trainer is one of LLM4Seg's, by its name."""
    return trainer.startswith(_LLM4SEG)


def same_folder_twice(roots: Sequence[Path]) -> Path | None:
    """The first results root that is named twice, by whatever path."""
    resolved = [root.resolve() for root in roots]
    return next((root for i, root in enumerate(roots) if resolved[i] in resolved[:i]), None)


def find_arm(roots: Sequence[Path], dataset: str, name: str, configuration: str) -> Arm:
    """The arm `TRAINER__PLANS`; each results root that has its folder is one run.

    Raises:
        ComparisonError: the name is not of that form, or no root has it.
    """
    parts = name.split("__")
    if len(parts) != 2 or not all(parts):
        raise ComparisonError(
            f"{name!r} is not allowed; name an arm as TRAINER__PLANS, for example nnUNetTrainer__nnUNetPlans."
        )
    folder = f"{name}__{configuration}"
    runs = tuple(root / dataset / folder for root in roots if (root / dataset / folder).is_dir())
    if not runs:
        raise ComparisonError(
            f"{name}: no folder {dataset}/{folder} in {_listed(roots)}; train it there, or name another"
            f" arm: {', '.join(all_arms(roots, dataset, configuration)) or 'there is none'}."
        )
    return Arm(parts[0], parts[1], runs)


def check_roots(roots: Sequence[Path], every: Sequence[Arm]) -> None:
    """Each further results root holds a run: a misspelt one would silently be no run at all.

    Raises:
        ComparisonError: one does not.
    """
    used = {run.parent.parent for arm in every for run in arm.runs}
    for root in roots:
        if root not in used:
            names = ", ".join(arm.name for arm in every)
            raise ComparisonError(f"--runs: {root} holds no run of {names}; correct the path or leave it out.")


def all_arms(roots: Sequence[Path], dataset: str, configuration: str) -> list[str]:
    """Names TRAINER__PLANS of all that was trained with this configuration."""
    ending = f"__{configuration}"
    folders = [path for root in roots for path in root.glob(f"{dataset}/*{ending}") if path.is_dir()]
    return sorted({path.name[: -len(ending)] for path in folders})


def only_candidate(roots: Sequence[Path], dataset: str, configuration: str) -> str:
    """The one LLM4Seg arm, where none was named.

    Raises:
        ComparisonError: there is none, or more than one.
    """
    found = [name for name in all_arms(roots, dataset, configuration) if has_layer(name)]
    if len(found) != 1:
        raise ComparisonError(
            f"--candidate: {len(found)} LLM4Seg arms of {dataset} {configuration} in {_listed(roots)}"
            f"{' (' + ', '.join(found) + ')' if found else ''}; "
            + ("name the main one first." if found else "train one, or name a candidate.")
        )
    return found[0]


def vanilla_twin(candidate: Arm) -> str:
    """TRAINER__PLANS of the same training without the layer.

    nnUNetTrainerLLM4SegGated_5epochs -> nnUNetTrainer_5epochs; other endings (`_demo`) belong to trainers
    of this package, whose twin is nnUNetTrainerVanilla_demo. The plans are those that the candidate's were
    made from.

    Raises:
        ComparisonError: the candidate is no LLM4Seg trainer.
    """
    if not has_layer(candidate.trainer):
        raise ComparisonError(
            f"{candidate.trainer} has no vanilla twin, it is no {_LLM4SEG}; name one with --baseline TRAINER__PLANS."
        )
    plans = candidate.plans().get(SOURCE_PLANS, candidate.plans_name)
    return f"{twin_trainer(candidate.trainer)}__{plans}"


def twin_trainer(trainer: str) -> str:
    """The trainer that differs in the layer only; a trainer that is no LLM4Seg one is its own."""
    if not has_layer(trainer):
        return trainer
    _, _, suffix = trainer.partition("_")
    vanilla = "nnUNetTrainer" if not suffix or _EPOCHS.fullmatch(suffix) else "nnUNetTrainerVanilla"
    return f"{vanilla}{'_' + suffix if suffix else ''}"


def check_folds(folds: Sequence[int] | None, splits: Sequence[Mapping[str, Any]]) -> list[int]:
    """The folds to compare, all of them by default.

    Raises:
        ComparisonError: a fold is named twice, or not in splits_final.json, where nnU-Net trains a random
            split.
    """
    if folds is None:
        return list(range(len(splits)))
    for fold in folds:
        if not 0 <= fold < len(splits):
            raise ComparisonError(
                f"fold {fold} is not in splits_final.json, where nnU-Net trains a random split;"
                f" choose from 0 to {len(splits) - 1}."
            )
    if not folds or len(set(folds)) != len(folds):
        raise ComparisonError(f"--folds: {list(folds)} is not allowed; name each fold once.")
    return sorted(folds)


def check_complete(arm: Arm, folds: Sequence[int], splits: Sequence[Mapping[str, Any]], ending: str) -> None:
    """Every run has trained every fold to its end and validated exactly that fold's cases.

    Raises:
        ComparisonError: the first thing that is missing or differs.
    """
    for run in arm.runs:
        for fold in folds:
            folder = run / f"fold_{fold}"
            what = f"{arm.name}, fold {fold} in {run.parent.parent}"
            if not folder.is_dir():
                raise ComparisonError(f"{what}: not trained; train it, or leave it out with --folds.")
            if not (folder / "checkpoint_final.pth").is_file():
                raise ComparisonError(f"{what}: training is not finished; continue it with nnUNetv2_train ... --c.")
            if not (folder / "validation" / "summary.json").is_file():
                raise ComparisonError(f"{what}: validation is not finished; run nnUNetv2_train ... --val.")
            names = name_differences(case_names(folder / "validation", ending), splits[fold]["val"])
            if names:
                raise ComparisonError(
                    f"{what}: the cases validated are not those of splits_final.json: {names};"
                    " train all arms on the same splits."
                )


def _listed(roots: Sequence[Path]) -> str:
    return ", ".join(map(str, roots))
