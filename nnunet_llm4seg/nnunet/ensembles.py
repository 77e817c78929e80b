"""The best of several trained arms and their ensembles, by nnU-Net's own cross-validation.

`nnUNetv2_find_best_configuration -tr A B -p P Q` combines every trainer with all plans, and stops at the first
combination that nobody trained. nnU-Net's function behind it takes a list of models, which is what is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.nnunet.environment import dataset_folder, require_folder
from nnunet_llm4seg.nnunet.names import SUMMARY, VALIDATION, fold_folder


def find_best(
    dataset: str, models: Sequence[str], *, folds: Sequence[int], ensembles: bool = True, processes: int = 1
) -> dict[str, Any]:
    """Evaluate trained models, and the ensemble of each two, on the folds' validation cases.

    As nnU-Net does, it writes `inference_instructions.txt` and `inference_information.json` into the data set's
    folder in nnUNet_results.

    Args:
        dataset: Number or name.
        models: As `TRAINER__PLANS__CONFIGURATION`.
        folds: Those that all models were trained for.
        ensembles: Whether to try ensembles, for which the folds were validated with `--npz`.
        processes: Of nnU-Net's evaluation.

    Returns:
        What inference_information.json holds.

    Raises:
        ComparisonError: a model is not named in that form, not trained in a fold, or has no probabilities.
        DatasetError: there is no such data set.
    """
    name = dataset_folder("nnUNet_preprocessed", dataset).name
    results = require_folder("nnUNet_results") / name
    parts = [model.split("__") for model in models]
    for model, words in zip(models, parts, strict=True):
        if len(words) != 3:
            raise ComparisonError(
                f"model: {model!r} is not allowed; give TRAINER__PLANS__CONFIGURATION, a folder in {results}."
            )
        for fold in folds:
            _refuse_unfinished(results / model, fold, probabilities=ensembles and len(models) > 1)
    from nnunetv2.evaluation.find_best_configuration import find_best_configuration

    trained = [dict(zip(("trainer", "plans", "configuration"), words, strict=True)) for words in parts]
    return find_best_configuration(
        name, trained, allow_ensembling=ensembles, num_processes=processes, folds=tuple(folds), strict=True
    )


def _refuse_unfinished(model: Path, fold: int, *, probabilities: bool) -> None:
    validation = fold_folder(model, fold) / VALIDATION
    if not (validation / SUMMARY).is_file():
        raise ComparisonError(
            f"model: {model.name} has no validated fold {fold} ({validation / SUMMARY} is missing); train it, or name "
            "the folds that are trained with -f."
        )
    if probabilities and not any(validation.glob("*.npz")):
        raise ComparisonError(
            f"model: fold {fold} of {model.name} has no probabilities, which an ensemble needs; run its training "
            "again with --val --npz, or use --no-ensembles."
        )
