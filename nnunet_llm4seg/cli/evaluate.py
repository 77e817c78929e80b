"""`llm4seg evaluate`: metrics of any two folders."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app

_COLUMNS = 6


@app.command()
def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted segmentations.")],
    labels: Annotated[Path, typer.Argument(help="Folder of references with the same file names.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write. [default: PREDICTIONS]")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Of the NSD. [default: 2 mm in 3D, 2 pixels in 2D]")] = None,
) -> None:
    """Overlap, surface, volume and detection metrics of every case and label."""
    from rich.console import Console
    from rich.table import Table

    from nnunet_llm4seg.cli.progress import progress_bar
    from nnunet_llm4seg.evaluation import evaluate as run

    with progress_bar("predictions measured") as progress:
        result = run(predictions, labels, output=output, tolerance=tolerance, progress=progress)
    columns = list(next(iter(result["mean"].values())))
    for shown in (columns[:_COLUMNS], columns[_COLUMNS:]):  # all side by side do not fit in a terminal
        table = Table("label", *shown, title=f"{result['cases']} cases")
        for label, metrics in result["mean"].items():
            table.add_row(label, *(f"{metrics[name]:.4f}" for name in shown))
        Console().print(table)
    counts = result["empty_masks"]["counts"]
    used = [f"{label} {', '.join(f'{kind} {n}' for kind, n in by.items())}" for label, by in counts.items()]
    typer.echo(f"NSD at {result['tolerance']}.\n{result['empty_masks']['policy']}")
    for notice in result["notices"]:
        typer.echo(f"Notice: {notice}.")
    typer.echo(f"Empty masks: {'; '.join(used)}.\nWritten to {output or predictions}")
