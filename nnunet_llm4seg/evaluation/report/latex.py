"""The table for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnunet_llm4seg.evaluation.metrics import BY_NAME
from nnunet_llm4seg.evaluation.report.numbers import Number, differences, p_value, part, parts


def latex(summary: Mapping[str, Any]) -> str:
    """A booktabs table of the arms and the primary comparison."""
    metric = BY_NAME[summary["primary"]].title
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{tabular}{lrrrrr}",
        "\\toprule",
        f"Arm & {metric} & Difference & 95\\,\\% CI (models) & 95\\,\\% CI (method) & $p_\\mathrm{{Holm}}$ \\\\",
        "\\midrule",
    ]
    order = [summary["baseline"], *summary["candidates"]]
    for name in order:
        cells: list[Any] = [name, Number(f"scores/{name}/mean")]
        if name == summary["baseline"]:
            cells += ["--"] * 4
        else:
            at = f"comparisons/{order.index(name) - 1}"
            cells += [*differences(at), p_value(f"{at}/method/p_holm")]
        shown = ("".join(part(p, summary)["text"] for p in parts(cell)) for cell in cells)
        lines.append(" & ".join(map(_tex, shown)) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _tex(text: str) -> str:
    for plain, escaped in (("_", "\\_"), ("−", "$-$"), ("–", "--"), ("< ", "$<$ "), ("%", "\\%")):
        text = text.replace(plain, escaped)
    return text
