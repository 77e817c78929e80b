"""`llm4seg study`: one question as one file, trained until it is answered."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app

study = typer.Typer(
    no_args_is_help=True,
    help="Many trainings as one file: arms x folds x runs x data sets, continued until all are done.",
)
app.add_typer(study, name="study")

File = Annotated[Path, typer.Argument(help="Study file, or the study's folder.")]
Epochs = Annotated[str | None, typer.Option(help="Only `smoke`: four iterations per training, in a separate folder.")]
Arms = Annotated[list[str] | None, typer.Option("--arm", help="Only this arm (repeatable).")]
Folds = Annotated[list[int] | None, typer.Option("--fold", help="Only this fold (repeatable).")]
Runs = Annotated[list[int] | None, typer.Option("--run", help="Only this run (repeatable).")]


@study.command()
def run(
    file: File,
    epochs: Epochs = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the estimates; change nothing.")
    ] = False,
    amend: Annotated[
        bool, typer.Option("--amend", help="Accept a changed study file; the difference is kept for the report.")
    ] = False,
) -> None:
    """Prepare the data and train everything that is not done; run it again after any interruption."""
    from rich.console import Console

    from nnunet_llm4seg.study import run as running
    from nnunet_llm4seg.study.folder import open_study
    from nnunet_llm4seg.study.states import DONE, QUEUED, RUNNING, WAITING
    from nnunet_llm4seg.study.tables import faults, states_table
    from nnunet_llm4seg.study.trainings import list_trainings

    opened = open_study(file, epochs)
    if dry_run:
        running.describe_plan(opened, _say)
        return
    try:
        states = running.run_study(opened, _say, amend=amend)
    except KeyboardInterrupt:
        print("\nStopped; nothing is lost. Run the same command again to continue.")
        raise typer.Exit(130) from None
    trainings = list_trainings(opened)
    by_key = {training.key: state for training, state in zip(trainings, states, strict=True)}
    Console().print(states_table(trainings, by_key))
    for line in faults(by_key):
        print(line)
    allowed = {DONE} if opened.engine.kind == "local" else {DONE, QUEUED, RUNNING, WAITING}
    if any(state.name not in allowed for state in states):
        raise typer.Exit(1)


@study.command()
def status(
    file: File,
    epochs: Epochs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Repeat every 10 seconds until no training waits or runs.")
    ] = False,
) -> None:
    """Show the state of each training: waiting, queued, epoch k of n, done, or failed with the reason."""
    import json
    import sys
    import time

    from rich.console import Console

    from nnunet_llm4seg.errors import SlurmError
    from nnunet_llm4seg.study import run as running
    from nnunet_llm4seg.study.folder import open_study
    from nnunet_llm4seg.study.states import QUEUED, RUNNING, WAITING
    from nnunet_llm4seg.study.tables import faults, states_json, states_table
    from nnunet_llm4seg.study.trainings import list_trainings

    opened = open_study(file, epochs)
    trainings = list_trainings(opened)
    console = Console()
    while True:
        try:
            queued, unknown = running.queued(opened), ""
        except SlurmError as error:  # another machine that sees the folder
            queued, unknown = set(), f"{error} Until then a queued training is shown as waiting."
        states = running.states_by_key(opened, trainings, queued)
        if as_json:
            print(json.dumps(states_json(opened, trainings, states)), flush=True)
        else:
            if watch:
                console.clear()
            console.print(states_table(trainings, states))
            for line in faults(states):
                print(line)
        if unknown:
            print(unknown, file=sys.stderr)
        if not watch or not any(state.name in (WAITING, QUEUED, RUNNING) for state in states.values()):
            return
        time.sleep(10)


@study.command()
def retry(file: File, epochs: Epochs = None, arm: Arms = None, fold: Folds = None, run: Runs = None) -> None:
    """Let the next `run` try trainings again that failed three times with the same fault, or were cancelled."""
    from nnunet_llm4seg.study import control
    from nnunet_llm4seg.study.folder import open_study
    from nnunet_llm4seg.study.trainings import list_trainings, select

    freed = control.retry(select(list_trainings(open_study(file, epochs)), arm or (), fold or (), run or ()))
    for training in freed:
        print(training.key)
    print(f"{len(freed)} will be tried again by `llm4seg study run {file}`.")


@study.command()
def cancel(file: File, epochs: Epochs = None, arm: Arms = None, fold: Folds = None, run: Runs = None) -> None:
    """Stop trainings that run or wait, on every machine with access to the folder; `retry` reverses this."""
    from nnunet_llm4seg.study import control
    from nnunet_llm4seg.study.folder import open_study
    from nnunet_llm4seg.study.trainings import list_trainings, select

    marked = control.cancel(select(list_trainings(open_study(file, epochs)), arm or (), fold or (), run or ()))
    for training in marked:
        print(training.key)
    print(f"{len(marked)} are cancelled; `llm4seg study retry {file}` lets them train again.")


@study.command()
def report(file: File, epochs: Epochs = None) -> None:
    """Compare what is done so far, per data set, over all repeated runs; what is omitted is named."""
    from nnunet_llm4seg.study import states
    from nnunet_llm4seg.study.folder import open_study
    from nnunet_llm4seg.study.report import report as write
    from nnunet_llm4seg.study.trainings import list_trainings

    opened = open_study(file, epochs)
    trainings = list_trainings(opened)
    finished = {training.key for training in trainings if states.is_finished(training)}
    print(f"Report: {write(opened, trainings, finished, print)}")


@study.command()
def script(
    file: File,
    scheduler: Annotated[str, typer.Option("--for", help="sbatch, lsf or bash.")],
    epochs: Epochs = None,
    output: Annotated[Path | None, typer.Option("-o", help="Write to this file instead of printing.")] = None,
) -> None:
    """Write the trainings as a script for another scheduler."""
    from nnunet_llm4seg.study.folder import open_study, settle
    from nnunet_llm4seg.study.script import script as write
    from nnunet_llm4seg.study.trainings import list_trainings

    opened = open_study(file, epochs)
    text = write(opened, list_trainings(opened), scheduler)
    settle(opened)
    (opened.folder / "logs").mkdir(exist_ok=True)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        print(f"Wrote {output}.")


@study.command()
def init(file: Annotated[Path, typer.Argument(help="The study file to write.")] = Path("study.yaml")) -> None:
    """Write a commented study file from what is planned on this machine."""
    import torch

    from nnunet_llm4seg.study.template import write_template

    names = write_template(file, torch.cuda.device_count())
    print(f"Wrote {file} with {', '.join(names)}. Edit it, then: llm4seg study run {file} --dry-run")


def _say(line: str) -> None:
    import time

    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
