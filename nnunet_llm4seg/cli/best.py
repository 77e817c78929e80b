"""`llm4seg find-best-configuration`: nnU-Net's choice among trained arms and their ensembles."""

from typing import Annotated

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.cli.many_folds import ManyFolds


@app.command("find-best-configuration", cls=ManyFolds)
def find_best_configuration(
    dataset: Annotated[str, typer.Argument(help="Id or name of the data set.")],
    models: Annotated[list[str], typer.Argument(help="Trained models, as TRAINER__PLANS__CONFIGURATION.")],
    folds: Annotated[list[int] | None, typer.Option("-f", "--folds", help="Folds. [default: 0 to 4]")] = None,
    ensembles: Annotated[bool, typer.Option(help="Try the ensemble of each two models too.")] = True,
    processes: Annotated[int, typer.Option("-np", min=1, help="Processes of nnU-Net's evaluation.")] = 1,
) -> None:
    """Find the best of several trained models and their ensembles, as nnUNetv2_find_best_configuration does."""
    from nnunet_llm4seg.nnunet.ensembles import find_best
    from nnunet_llm4seg.nnunet.environment import use_trainers

    use_trainers()
    find_best(dataset, models, folds=folds or range(5), ensembles=ensembles, processes=processes)
