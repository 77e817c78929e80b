"""llm4seg convert: a downloaded data set in nnU-Net's raw format."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.errors import ConfigError


@app.command()
def convert(
    converter: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="busi, tnscui, isic, kvasir, btcv, folder, volumes or geometric; see --list"
        ),
    ] = None,
    source: Annotated[
        Path | None, typer.Argument(help="The folder that contains the data set as published; geometric: the task")
    ] = None,
    dataset_id: Annotated[int | None, typer.Option("-d", help="nnU-Net's number for the data set, 1 to 999")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the converters and the layouts that each knows")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show cases, classes, skipped files, groups and folds; write nothing")
    ] = False,
    size: Annotated[
        int | None, typer.Option(help="Resize to this height and width in pixels; geometric: the side of its images")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="folder, volumes: classes by their values, palette indices or colours: 'background=0,cup=255', "
            "'background=#000000,vessel=#ff0000', or a .json or .csv file",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="folder, volumes: the data set's name; default: SOURCE's")] = None,
    channels: Annotated[
        str | None, typer.Option(help="volumes: CT, MR or the names of several channels, such as t1,flair")
    ] = None,
    cases: Annotated[int | None, typer.Option(help="geometric: how many cases are made")] = None,
    difficulty: Annotated[
        str | None, typer.Option(help="geometric: hard (far apart, the default) or easy (close together)")
    ] = None,
    splits: Annotated[
        str | None, typer.Option(help="official: the published folds; 5fold: seeded and stratified ones")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of 5fold and of geometric")] = 12345,
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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from nnunet_llm4seg.datasets.conversion import convert as run
    from nnunet_llm4seg.datasets.dry_run import look
    from nnunet_llm4seg.datasets.options import ConversionOptions, SplitOptions
    from nnunet_llm4seg.datasets.registry import CONVERTERS

    if list_:
        for known, found in CONVERTERS.items():
            print(f"{known}: {found.layouts}")
        return
    if converter is None or source is None or (dataset_id is None and not dry_run):
        raise ConfigError(
            "convert takes NAME, SOURCE and -d NUMBER, such as `llm4seg convert busi FOLDER -d 100`; "
            "`llm4seg convert --list` shows the names."
        )
    options = ConversionOptions(
        size=size,
        colour=rgb,
        resize_masks=resize_masks,
        normals=normals,
        labels=labels,
        name=name,
        channels=channels,
        cases=cases,
        difficulty=difficulty,
        splits=SplitOptions(kind=splits, seed=seed, group_by=group_by, group_near_duplicates=group_near_duplicates),
        overwrite=overwrite,
        overwrite_preprocessed=overwrite_preprocessed,
    )
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        if dry_run:
            folder, lines = None, look(converter, source, options, progress)
        else:
            assert dataset_id is not None
            folder, lines = run(converter, source, dataset_id, options, progress)
    if folder is not None:
        print(folder)
    for line in lines:
        print(f"  {line}")
    if folder is not None:
        print(f"next: nnUNetv2_plan_and_preprocess -d {dataset_id} --verify_dataset_integrity")
