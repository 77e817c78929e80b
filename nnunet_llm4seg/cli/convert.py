"""llm4seg convert: a downloaded data set in nnU-Net's raw format."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def convert(
    name: Annotated[str, typer.Argument(help="busi, tnscui, isic, kvasir, btcv or folder")],
    source: Annotated[Path, typer.Argument(help="The folder that contains the data set as published")],
    dataset_id: Annotated[int, typer.Option("-d", help="nnU-Net's number for the data set, 1 to 999")],
    size: Annotated[int | None, typer.Option(help="Resize to this height and width in pixels")] = None,
    splits: Annotated[
        str | None, typer.Option(help="official: the published folds; 5fold: seeded and stratified ones")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of 5fold")] = 12345,
    group_by: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Keep training cases together whose names match the same: '^[^_]+'"),
    ] = None,
    group_near_duplicates: Annotated[
        bool, typer.Option(help="Whether 5fold keeps near-duplicate images together")
    ] = True,
    rgb: Annotated[
        bool | None, typer.Option("--rgb/--grey", help="Colour or grey; without either, the data set's own")
    ] = None,
    normals: Annotated[bool, typer.Option("--normals", help="busi: include the images without a lesion")] = False,
    resize_masks: Annotated[
        bool, typer.Option("--resize-masks", help="Resize masks whose size differs from their image's")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing data set")] = False,
    overwrite_preprocessed: Annotated[
        bool,
        typer.Option("--overwrite-preprocessed", help="Remove what nnU-Net preprocessed from an earlier conversion"),
    ] = False,
) -> None:
    """Convert a downloaded data set to nnU-Net's raw format, under $nnUNet_raw."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from nnunet_llm4seg.datasets.conversion import ConversionOptions, SplitOptions
    from nnunet_llm4seg.datasets.conversion import convert as run

    options = ConversionOptions(
        size=size,
        colour=rgb,
        resize_masks=resize_masks,
        normals=normals,
        splits=SplitOptions(kind=splits, seed=seed, group_by=group_by, group_near_duplicates=group_near_duplicates),
        overwrite=overwrite,
        overwrite_preprocessed=overwrite_preprocessed,
    )
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        folder, lines = run(name, source, dataset_id, options, progress)
    print(folder)
    for line in lines:
        print(f"  {line}")
    print(f"next: nnUNetv2_plan_and_preprocess -d {dataset_id} --verify_dataset_integrity")
