"""Whether predictions are still those that nnU-Net validated: not postprocessed or replaced since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.labels import Labels
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.names import SUMMARY

_ROUNDING = 1e-4


def check_as_validated(
    arm: Arm, folds: Sequence[int], cases: Sequence[str], dice: Sequence[np.ndarray], labels: Labels
) -> None:
    """Compare the Dice measured now with the one in the summary.json of each fold's validation.

    Args:
        folds, cases: of each slot (P).
        dice: of each run (P, L), in the order of `labels`.

    Raises:
        ComparisonError: a prediction is not the one that was validated, or a summary.json is damaged.
    """
    for run, values in zip(arm.runs, dice, strict=True):
        for fold in sorted(set(folds)):
            path = run.validation(fold) / SUMMARY
            at = [p for p, of in enumerate(folds) if of == fold]
            try:
                recorded = _recorded(read_json(path), run.dataset["file_ending"])
                changed = [cases[p] for p in at if _differs(recorded.get(cases[p], {}), values[p], labels)]
            except (AttributeError, KeyError, TypeError) as error:
                raise ComparisonError(
                    f"{path}: is not what nnU-Net writes ({error!r}); run nnUNetv2_train ... --val again."
                ) from error
            if changed:
                raise ComparisonError(
                    f"{arm.name}, fold {fold} in {run.root}: {len(changed)} of {len(at)} predictions are not those"
                    f" that its {SUMMARY} was made from ({changed[0]} is the first); they were postprocessed or"
                    " replaced since: run nnUNetv2_train ... --val again."
                )


def _recorded(summary: Any, ending: str) -> dict[str, Mapping[str, Any]]:
    """Metrics by label, by case, as nnU-Net writes them."""
    entries = summary.get("metric_per_case", []) if isinstance(summary, dict) else []
    return {Path(entry["prediction_file"]).name.removesuffix(ending): entry["metrics"] for entry in entries}


def _differs(metrics: Mapping[str, Any], values: np.ndarray, labels: Labels) -> bool:
    for region, value in zip(labels.regions.values(), values, strict=True):
        keys = (str(region), str(region[0])) if len(region) == 1 else (str(region),)
        told = next((metrics[key]["Dice"] for key in keys if key in metrics), None)
        if isinstance(told, float) and np.isfinite(told) and abs(told - value) > _ROUNDING:
            return True
    return False
