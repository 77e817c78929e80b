"""Run a command with all its workers in their own process group, and leave none of them behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_PATIENCE_S = 8.0


def run_logged(words: Sequence[str], environment: Mapping[str, str], log: Path, on_line: Callable[[str], None]) -> int:
    """Run a command of this Python's environment, and append its output to `log`.

    If anything interrupts this function (Ctrl-C, say), the command and its workers are stopped first.

    Args:
        words: The command; its first word may be a script beside the running Python.
        environment: All of the command's variables.
        log: A file.
        on_line: Called with each line; progress bars count as lines.

    Returns:
        The exit code.
    """
    program = shutil.which(words[0], path=str(Path(sys.executable).parent)) or words[0]
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(words)}\n")
        process = subprocess.Popen(
            [program, *words[1:]],
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        # read in a thread: workers that outlive the command hold its output open
        reader = threading.Thread(target=_pass_on, args=(process, file, on_line), daemon=True)
        try:
            reader.start()
            return process.wait()
        finally:
            stop_group(process)
            reader.join(_PATIENCE_S)


def _pass_on(process: subprocess.Popen, file: TextIO, on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            file.write(line)
            file.flush()
            on_line(line.rstrip())


def stop_group(process: subprocess.Popen) -> None:
    """End what is left of the command's process group: politely first, then by force."""
    try:
        if process.poll() is None:
            _signal(process, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
    finally:  # even if Ctrl-C is pressed again in the meantime; otherwise data workers outlive their parent
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
