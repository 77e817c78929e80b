"""Which folders of nnU-Net's results contain the runs of an arm, and whether these are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run, has_layer
from nnunet_llm4seg.evaluation.measuring import case_names, name_differences
from nnunet_llm4seg.nnunet import names

ALL_FOLDS = "all"


def same_folder_twice(roots: Sequence[Path]) -> Path | None:
    """The first results root that is given twice, even by different paths."""
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
    trainer, plans = parts
    folder = names.model_folder_name(trainer, plans, configuration)
    runs = tuple(Run(root / dataset / folder) for root in roots if (root / dataset / folder).is_dir())
    if not runs:
        raise ComparisonError(
            f"{name}: no folder {dataset}/{folder} in {_listed(roots)}; train it there, or name another"
            f" arm: {', '.join(all_arms(roots, dataset, configuration)) or 'there is none'}."
        )
    return Arm(trainer, plans, runs)


def check_roots(roots: Sequence[Path], every: Sequence[Arm]) -> None:
    """Check that each further results root contains a run: a misspelt one would be silently ignored.

    Raises:
        ComparisonError: one does not.
    """
    used = {run.root for arm in every for run in arm.runs}
    for root in roots:
        if root not in used:
            arms = ", ".join(arm.name for arm in every)
            raise ComparisonError(f"--runs: {root} holds no run of {arms}; correct the path or omit it.")


def all_arms(roots: Sequence[Path], dataset: str, configuration: str) -> list[str]:
    """Names TRAINER__PLANS of all that was trained with this configuration."""
    ending = f"__{configuration}"
    folders = [path for root in roots for path in root.glob(f"{dataset}/*{ending}") if path.is_dir()]
    return sorted({path.name[: -len(ending)] for path in folders})


def only_candidate(roots: Sequence[Path], dataset: str, configuration: str) -> str:
    """The only LLM4Seg arm, for when no candidate was named.

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


def common_folds(every: Sequence[Arm], n_splits: int) -> tuple[list[int], list[str]]:
    """The folds that all runs of all arms have finished, and for each other fold a sentence on who lacks it.

    Raises:
        ComparisonError: there is no such fold.
    """
    lacking: dict[int, list[str]] = {}
    for arm in every:
        for run in arm.runs:
            for fold in range(n_splits):
                if (reason := _unfinished(run, fold)) is not None:
                    lacking.setdefault(fold, []).append(f"{arm.name} in {run.root} ({reason[0]})")
    common = [fold for fold in range(n_splits) if fold not in lacking]
    if not common:
        fold = min(range(n_splits), key=lambda fold: len(lacking[fold]))
        raise ComparisonError(
            f"no fold is finished in all arms and runs; fold {fold} lacks the least: {', '.join(lacking[fold])};"
            " finish it."
        )
    return common, [f"Fold {fold} is omitted: {', '.join(lacking[fold])}." for fold in sorted(lacking)]


def check_folds(folds: Sequence[int | str], splits: Sequence[Mapping[str, Any]]) -> list[int]:
    """The folds that were asked for, as sorted numbers.

    Raises:
        ComparisonError: a fold is named twice, is not a number, or is not in splits_final.json (nnU-Net trains a
            random split for such a fold).
    """
    numbers: list[int] = []
    for fold in folds:
        if fold == ALL_FOLDS:
            raise ComparisonError(
                "--folds: the fold `all` is trained on every case, so it has no held-out cases to compare; train and"
                f" name folds from 0 to {len(splits) - 1}."
            )
        if not str(fold).isdecimal() or int(fold) >= len(splits):
            raise ComparisonError(
                f"fold {fold} is not in {names.SPLITS}, where nnU-Net trains a random split;"
                f" choose from 0 to {len(splits) - 1}."
            )
        numbers.append(int(fold))
    if not numbers or len(set(numbers)) != len(numbers):
        raise ComparisonError(f"--folds: {numbers} is not allowed; name each fold once.")
    return sorted(numbers)


def check_complete(arm: Arm, folds: Sequence[int], splits: Sequence[Mapping[str, Any]], ending: str) -> None:
    """Check that every run has trained every fold to its end and validated exactly that fold's cases.

    Raises:
        ComparisonError: the first thing that is missing or differs.
    """
    for run in arm.runs:
        for fold in folds:
            what = f"{arm.name}, fold {fold} in {run.root}"
            if (reason := _unfinished(run, fold)) is not None:
                raise ComparisonError(f"{what}: {'; '.join(reason)}.")
            differing = name_differences(case_names(run.validation(fold), ending), splits[fold]["val"])
            if differing:
                raise ComparisonError(
                    f"{what}: the cases validated are not those of {names.SPLITS}: {differing};"
                    " train all arms on the same splits."
                )


def _unfinished(run: Run, fold: int) -> tuple[str, str] | None:
    """What a fold of a run lacks and what to do; None if it is trained and validated to the end."""
    if not run.fold(fold).is_dir():
        return "not trained", "train it, or omit it with --folds"
    if not run.checkpoint(fold).is_file():
        return "training is not finished", "continue it with nnUNetv2_train ... --c"
    if not (run.validation(fold) / names.SUMMARY).is_file():
        return "validation is not finished", "run nnUNetv2_train ... --val"
    return None


def _listed(roots: Sequence[Path]) -> str:
    return ", ".join(map(str, roots))
