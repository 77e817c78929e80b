"""The figures of `llm4seg analyze` of the compared arms, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.evaluation.report.data_uri import data_uri

_CASES = 2


def find_activations(arms: Sequence[Arm], folds: Sequence[int]) -> list[dict[str, Any]]:
    """Figures of each arm whose first run was analysed (`fold_K/analysis`), from its first such fold, as data URIs.

    The cases shown are the first that have figures in all these arms, so that one can compare them.
    """
    found = []
    for arm in arms:
        analyses = [(fold, arm.runs[0].fold(fold) / "analysis") for fold in folds]
        found += [(arm, fold, folder) for fold, folder in analyses if (folder / "summary.png").is_file()][:1]
    drawn = [{path.stem for path in (folder / "cases").glob("*.png")} for _, _, folder in found]
    cases = sorted(set.intersection(*drawn))[:_CASES] if drawn else []
    return [
        {
            "arm": arm.name,
            "fold": fold,
            "figures": [
                {"title": "All cases", "uri": data_uri((folder / "summary.png").read_bytes())},
                *({"title": case, "uri": data_uri((folder / "cases" / f"{case}.png").read_bytes())} for case in cases),
            ],
        }
        for arm, fold, folder in found
    ]
