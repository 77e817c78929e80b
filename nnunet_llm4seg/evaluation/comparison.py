"""`compare`: from nnU-Net's results folders to a folder with the report and its numbers, in three steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.analyse import analyse
from nnunet_llm4seg.evaluation.arms.choose import choose_arms
from nnunet_llm4seg.evaluation.kept import NAME
from nnunet_llm4seg.evaluation.measuring import Progress
from nnunet_llm4seg.evaluation.metrics import PRIMARY
from nnunet_llm4seg.evaluation.report.summary import summarise
from nnunet_llm4seg.evaluation.report.write import write_report
from nnunet_llm4seg.evaluation.statistics.power import TARGET


def compare(
    dataset: str,
    configuration: str,
    *,
    candidates: Sequence[str] = (),
    baseline: str | None = None,
    folds: Sequence[int | str] | None = None,
    runs: Sequence[str | Path] = (),
    output: str | Path | None = None,
    primary: str = "dice",
    tolerance: float | None = None,
    group_by: str | None = None,
    target: float = TARGET,
    allow_different: bool = False,
    command: str = "",
    report_difference: Callable[[str], None] = lambda text: None,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Compare candidates with a baseline on the folds' validation cases and write the report.

    Args:
        dataset: id or full name of the data set.
        configuration: nnU-Net's configuration, for example `2d`.
        candidates: arms as TRAINER__PLANS, the main one first; by default the only LLM4Seg arm.
        baseline: an arm; by default the vanilla twin of the main candidate.
        folds: by default those that all runs of all arms have finished; the report names the others.
        runs: further results roots beside nnUNet_results; each contains one repeated run.
        output: folder to write; by default `compare_DATASET_CONFIGURATION` in the current folder.
        primary: `dice` or `iou`.
        tolerance: of the NSD in mm (pixels if the files have no mm); by default 2 mm in 3D, 2 pixels in 2D.
        group_by: regular expression on case names that gives the patient, in place of groups.json.
        target: difference in points for which the needed number of runs is computed.
        allow_different: compare arms that differ in more than the bottleneck; the report lists it.
        command: the command line to show in the report.
        report_difference: called with each difference that `allow_different` or `arms.rivals` lets pass, before
            anything else.
        progress: called with the number of cases that are measured, and of all.
        say: called with what does not belong in the report.

    Returns:
        The content of comparison.json, and `folder`, the folder of the report.

    Raises:
        ComparisonError: arms are missing, unfinished, different or cannot be compared.
        DatasetError: a file of the data set is missing or not as expected.

    Example (it needs trained folds in nnUNet_results):
        >>> from nnunet_llm4seg.evaluation.comparison import compare
        >>> result = compare("104", "2d", folds=[0], output="report")  # doctest: +SKIP
        >>> result["folder"]  # doctest: +SKIP
        'report'
    """
    if primary not in PRIMARY:
        raise ComparisonError(f"--primary: {primary!r} is not allowed; choose one of {', '.join(PRIMARY)}.")
    for option, value in (("--tolerance", tolerance), ("--target", target)):
        if value is not None and not 0 < value < float("inf"):
            raise ComparisonError(f"{option}: {value} is not allowed; give a number above 0.")
    chosen = choose_arms(
        dataset,
        configuration,
        candidates=candidates,
        baseline=baseline,
        folds=folds,
        runs=runs,
        group_by=group_by,
        allow_different=allow_different,
        report_difference=report_difference,
    )
    folder = Path(output) if output else Path(f"compare_{chosen.dataset}_{configuration}")
    how: dict[str, Any] = {"primary": primary, "tolerance": tolerance, "target": target}
    comparison = analyse(chosen, **how, memory=folder / NAME, progress=progress, say=say)
    summary = summarise(comparison, command)
    write_report(comparison, summary, folder)
    return {**summary, "folder": str(folder)}
