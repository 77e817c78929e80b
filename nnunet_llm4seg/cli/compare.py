"""`llm4seg compare`: is it really better than vanilla nnU-Net?"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.cli.many_folds import ManyFolds


@app.command(cls=ManyFolds)
def compare(
    dataset: Annotated[str, typer.Argument(help="Id or name of the data set.")],
    configuration: Annotated[str, typer.Argument(help="nnU-Net's configuration: 2d, 3d_fullres, ...")],
    baseline: Annotated[
        str | None, typer.Option(help="TRAINER__PLANS. [default: the candidate's vanilla twin]")
    ] = None,
    candidate: Annotated[
        list[str] | None,
        typer.Option(help="TRAINER__PLANS; repeat for more, the main one first. [default: the only one]"),
    ] = None,
    folds: Annotated[
        list[str] | None,
        typer.Option("-f", "--folds", help="Folds: `-f 0 1 2`. [default: those that all arms have finished]"),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Another nnUNet_results folder with one repeated run; repeat for more."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder. [default: compare_DATASET_CONFIGURATION]")
    ] = None,
    primary: Annotated[str, typer.Option(help="The primary metric: dice or iou.")] = "dice",
    tolerance: Annotated[float | None, typer.Option(help="Of the NSD. [default: 2 mm in 3D, 2 pixels in 2D]")] = None,
    group_by: Annotated[
        str | None,
        typer.Option(help="Expression that finds the patient in nnU-Net's case names, in place of groups.json."),
    ] = None,
    target: Annotated[float, typer.Option(help="Difference in points for which the needed runs are computed.")] = 0.8,
    allow_different: Annotated[
        bool, typer.Option("--allow-different", help="Compare arms that differ in more than the bottleneck.")
    ] = False,
) -> None:
    """Compare trained arms on their validation cases: statistics, cost and a report."""
    from nnunet_llm4seg.cli.progress import progress_bar
    from nnunet_llm4seg.evaluation import compare as run
    from nnunet_llm4seg.nnunet.environment import use_trainers

    use_trainers()  # to build their networks
    with progress_bar("cases measured") as progress:
        summary = run(
            dataset,
            configuration,
            candidates=candidate or (),
            baseline=baseline,
            folds=folds,
            runs=runs or (),
            output=output,
            primary=primary,
            tolerance=tolerance,
            group_by=group_by,
            target=target,
            allow_different=allow_different,
            command=shlex.join(["llm4seg", *sys.argv[1:]]),
            progress=progress,
            say=lambda text: typer.echo(text, err=True),
            report_difference=lambda text: typer.echo(f"Not the bottleneck alone: {text}."),
        )
    for warning in summary["warnings"]:
        typer.echo(f"Notice: {warning}")
    for name, arm in summary["scores"].items():
        noise = "unknown (one run)" if arm["run_sd"] is None else f"{100 * arm['run_sd']:.2f}"
        typer.echo(f"{name}: {100 * arm['mean']:.2f} points, SD between runs {noise}")
    itself = summary["baseline_against_itself"]
    if itself is None:
        typer.echo("Baseline against itself: unknown (one run)")
    else:
        typer.echo(
            f"Baseline against itself: up to {100 * itself['largest_mean_difference']:.2f} points,"
            f" SD per case {100 * itself['case_sd']:.2f}"
        )
    for result in summary["comparisons"]:
        typer.echo(result["claim"])
    typer.echo(f"Report: {Path(summary['folder']) / 'report.html'}")
