"""Steps that can be stopped at any time and run again: finished steps stay, an unfinished one starts anew."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from nnunet_llm4seg.demo.process import run_logged
from nnunet_llm4seg.errors import DemoError

# which parts of the output of nnU-Net's commands are shown: permanently, or until the next one
_EPOCH = re.compile(r"\bEpoch (\d+)\s*$")
_DICE = re.compile(r"Pseudo dice \[(.*)\]")
_PASSING = re.compile(r"(\d+%)\||\b([Pp]redicting \S+?):?$|(Using \S+ preprocessor.*)|(Extracting fingerprint.*)")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a command, or a function of ours.

    Attributes:
        name: Names its log and its mark in `.done`.
        title: What the user reads.
        product: The file or folder that exists once it is done.
        command: A command line, or empty.
        action: A function to call if there is no command.
        checkpoints: For a training: the fold's folder, from whose checkpoints it continues. Every other step
            starts by removing its product.
    """

    name: str
    title: str
    product: Path
    command: tuple[str, ...] = ()
    action: Callable[[], None] | None = None
    checkpoints: Path | None = None

    def command_now(self) -> tuple[str, ...]:
        """The command, with `--c` where there is a checkpoint to continue from."""
        found = self.checkpoints is not None and any(self.checkpoints.glob("checkpoint_*.pth"))
        return (*self.command, "--c") if found else self.command


def run_steps(steps: Sequence[Step], folder: Path, environment: Mapping[str, str], console: Console) -> None:
    """Run the steps that are not done yet, in order.

    Raises:
        DemoError: a step failed; it names the log.
        KeyboardInterrupt: after the running command and its workers were stopped.
    """
    marks, logs = folder / ".done", folder / "logs"
    for each in (marks, logs):
        each.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        heading = f"[bold]\\[{number}/{len(steps)}][/bold] {step.title}"
        mark = marks / step.name
        if mark.is_file() and step.product.exists():
            console.print(f"{heading}: [green]done already[/green]")
            continue
        for later in steps[number - 1 :]:
            (marks / later.name).unlink(missing_ok=True)
        console.print(heading)
        start = time.monotonic()
        with console.status("  starting") as status:
            _run(step, logs / f"{step.name}.log", environment, console, status.update)
        mark.touch()
        console.print(f"      done in {time.monotonic() - start:.0f} s")


def _run(step: Step, log: Path, environment: Mapping[str, str], console: Console, show: Callable[[str], None]) -> None:
    if step.checkpoints is None:
        _remove(step.product)
    if step.action is not None:
        step.action()
        return
    words = step.command_now()
    if words != step.command:
        console.print("      continues from its last checkpoint")
    last, epoch = "", "?"

    def on_line(line: str) -> None:
        nonlocal last, epoch
        last = line.strip() or last
        if found := _EPOCH.search(line):
            epoch = str(int(found[1]) + 1)
            show(f"  epoch {epoch}")
        elif found := _DICE.search(line):
            values = ", ".join(f"{float(value):.2f}" for value in re.findall(r"-?\d+\.\d+|nan", found[1]))
            console.print(f"      epoch {epoch}: Dice on patches of the validation cases {values}")
        elif found := _PASSING.search(line):
            show(f"  {escape(next(group for group in found.groups() if group))}")

    code = run_logged(words, environment, log, on_line)
    if code != 0 or not step.product.exists():
        raise DemoError(
            f"the step {step.name!r} failed (exit code {code}) with {last[:300]!r}; its whole output is in {log}. "
            "Running the demo again continues from here."
        )


def _remove(product: Path) -> None:
    if product.is_dir():
        shutil.rmtree(product)
    else:
        product.unlink(missing_ok=True)
