"""`llm4seg analyze`: what the LLM layer does to the features of a trained fold."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.cli.many_folds import ManyFolds


@app.command(cls=ManyFolds)
def analyze(
    model_folder: Annotated[Path, typer.Argument(help="TRAINER__PLANS__CONFIGURATION in nnUNet_results.")],
    fold: Annotated[
        list[str] | None, typer.Option("-f", "--fold", help="Trained folds: `-f 0 1 2`, or `all`. [default: 0]")
    ] = None,
    cases: Annotated[
        list[str] | None, typer.Option(help="Training case; repeatable. [default: the fold's validation cases]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", help="For several folds: OUTPUT/fold_K. [default: FOLD/analysis]"),
    ] = None,
) -> None:
    """Activation maps, effective rank, LSVR, attention and norms of the features around the LLM layer."""
    import torch
    from rich.console import Console
    from rich.table import Table

    from nnunet_llm4seg.analysis.analyze import NUMBERS, means
    from nnunet_llm4seg.analysis.analyze import analyze as run
    from nnunet_llm4seg.errors import ConfigError
    from nnunet_llm4seg.nnunet.environment import use_trainers

    use_trainers()
    folds = list(dict.fromkeys(fold or ["0"]))
    for wrong in (name for name in folds if not name.isdecimal() and name != "all"):
        raise ConfigError(f"--fold: {wrong!r} is not allowed; give the numbers of trained folds, or `all`.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    console = Console()
    for name in folds:
        folder = model_folder / f"fold_{name}" / "analysis"
        if output:
            folder = output / f"fold_{name}" if len(folds) > 1 else output
        number = name if name == "all" else int(name)
        with console.status("loading") as status:
            rows = run(
                model_folder, fold=number, output=folder, cases=cases or (), device=device, progress=status.update
            )
        places = list(dict.fromkeys(row["place"] for row in rows))
        table = Table("mean over cases", *places, title=f"fold {name}")
        for what in NUMBERS:
            table.add_row(what, *(f"{means(rows, place)[what]:.4g}" for place in places))
        console.print(table)
        without = sum(row["map_iou"] != row["map_iou"] for row in rows if row["place"] == "before")
        print(f"Cases: {len(rows) // len(places)}, {without} without a map IoU (no foreground, or a constant map).")
        if name == "all" and not cases:
            print("The fold `all` was trained on these cases: they are not held out.")
        print(f"Wrote {folder / 'analysis.csv'}, summary.png and cases/.")
