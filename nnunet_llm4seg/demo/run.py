"""`llm4seg demo`: run its steps, and show the user what they did and their results."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table

from nnunet_llm4seg.demo import own_data, scores, smollm2
from nnunet_llm4seg.demo.recipe import Demo, plan_fields, recipe
from nnunet_llm4seg.demo.steps import Step, run_steps
from nnunet_llm4seg.errors import ConfigError, DemoError
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.environment import FOLDERS


def run_demo(demo: Demo, console: Console) -> None:
    """Run the remaining steps of a demo, and show its results.

    Raises:
        LLM4SegError: the options cannot be used, or a step failed.
        KeyboardInterrupt: it was stopped; the same call continues it.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if (demo.model is None) != (demo.layer is None):
        raise ConfigError("--model and --layer belong together; give both, such as `--model FOLDER --layer 14`.")
    layout = None if demo.data is None else own_data.layout_of(demo.data)
    if demo.data is not None and layout is not None:
        own_data.check(demo.data, layout)
    fields = plan_fields(demo)
    steps = recipe(demo, layout, fields)
    _introduce(demo, fields, console)
    try:
        demo.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"-o: {demo.folder} cannot be made ({error.strerror}); choose another folder.") from error
    try:
        with FileLock(demo.folder / ".lock", timeout=0):
            _claim(demo, fields)
            for name in FOLDERS:
                (demo.folder / name).mkdir(exist_ok=True)
            kept = {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")}
            start = time.monotonic()
            run_steps(steps, demo.folder, {**kept, **demo.variables()}, console)
    except Timeout as error:
        raise DemoError(
            f"another demo is running in {demo.folder}; wait for it, or choose another with -o."
        ) from error
    _conclude(demo, steps, time.monotonic() - start, console)


def _claim(demo: Demo, fields: dict[str, str]) -> None:
    """Record the options of this folder's demo; a demo with others may not continue it."""
    about = {"data": None if demo.data is None else str(demo.data), **fields}
    path = demo.folder / "demo.json"
    if not path.is_file():
        write_json(path, about)
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    for name in sorted(there.keys() | about.keys()):
        if there.get(name) != about.get(name):
            raise DemoError(
                f"{demo.folder} contains a demo with {name} {there.get(name)!r}, not {about.get(name)!r}; choose "
                "another folder with -o."
            )


def _introduce(demo: Demo, fields: dict[str, str], console: Console) -> None:
    model = smollm2.DESCRIPTION if demo.model is None else fields["model"]
    settings = ", ".join(f"{name}: {fields[name]}" for name in ("attention", "positions") if name in fields)
    console.print(
        "[bold]llm4seg demo[/bold]: nnU-Net with and without a frozen layer of a language model", highlight=False
    )
    console.print(
        f"  layer {fields['layer']} (counted from 0) of {model}{'; ' + settings if settings else ''}", highlight=False
    )
    data = "synthetic, ultrasound-like images made here" if demo.data is None else f"a part of {demo.data}"
    console.print(f"  data: {data}", highlight=False)
    console.print(f"  everything goes to {demo.folder}; Ctrl-C stops it, running it again continues", highlight=False)


def _conclude(demo: Demo, steps: list[Step], seconds: float, console: Console) -> None:
    table = Table(title="Held-out cases")
    for column in ("arm", "Dice", "IoU"):
        table.add_column(column, justify="left" if column == "arm" else "right")
    for arm, (dice, iou) in scores.means(demo.folder / "scores.csv").items():
        table.add_row(arm, f"{dice:.3f}", f"{iou:.3f}")
    console.print(table)
    what = "The images are synthetic and both" if demo.data is None else "Both"
    console.print(
        f"{what} trainings lasted minutes: this shows that everything works, not that one arm is better.",
        highlight=False,
    )
    script = demo.folder / "commands.sh"
    with written_whole(script) as temporary:
        temporary.write_text("\n".join(_commands(demo, steps)) + "\n", encoding="utf-8")
    console.print(f"Picture: {demo.folder / 'comparison.png'}", highlight=False, soft_wrap=True)
    console.print(f"Scores:  {demo.folder / 'scores.csv'}", highlight=False, soft_wrap=True)
    console.print(f"Report:  {demo.report}", highlight=False, soft_wrap=True)
    console.print(f"\nThe commands, to continue from here (also in {script}):\n", highlight=False, soft_wrap=True)
    for line in _commands(demo, steps):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"\nThe demo took {seconds / 60:.1f} minutes this time.", highlight=False)


def _commands(demo: Demo, steps: list[Step]) -> list[str]:
    """Lines for a shell that repeat the demo's commands."""
    lines = []
    binaries = Path(sys.executable).parent
    if str(binaries) not in os.environ.get("PATH", "").split(os.pathsep):
        lines.append(f"export PATH={shlex.quote(str(binaries))}:$PATH")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in demo.variables().items()]
    return [*lines, *(shlex.join(step.command) for step in steps if step.command)]
