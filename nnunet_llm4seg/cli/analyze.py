"""`llm4seg analyze`: what the LLM layer does to the features of a trained fold."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def analyze(
    model_folder: Annotated[Path, typer.Argument(help="TRAINER__PLANS__CONFIGURATION in nnUNet_results.")],
    fold: Annotated[int, typer.Option(help="Trained fold.")] = 0,
    cases: Annotated[
        list[str] | None, typer.Option(help="Training case; repeatable. [default: the fold's validation cases]")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", help="[default: MODEL_FOLDER/fold_K/analysis]")] = None,
) -> None:
    """Activation maps, effective rank, LSVR, attention and norms of the features around the LLM layer."""
    import torch
    from rich.console import Console
    from rich.table import Table

    from nnunet_llm4seg.analysis.analyze import NUMBERS, means
    from nnunet_llm4seg.analysis.analyze import analyze as run
    from nnunet_llm4seg.nnunet.environment import use_trainers

    use_trainers()
    output = output or model_folder / f"fold_{fold}" / "analysis"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    console = Console()
    with console.status("loading") as status:
        rows = run(model_folder, fold=fold, output=output, cases=cases or (), device=device, progress=status.update)
    places = list(dict.fromkeys(row["place"] for row in rows))
    table = Table("mean over cases", *places)
    for name in NUMBERS:
        table.add_row(name, *(f"{means(rows, place)[name]:.4g}" for place in places))
    console.print(table)
    without = sum(row["map_iou"] != row["map_iou"] for row in rows if row["place"] == "before")
    print(f"{len(rows) // len(places)} cases, {without} without a map IoU (no foreground, or a constant map).")
    print(f"Wrote {output / 'analysis.csv'}, summary.png and cases/.")
