"""Three steps as the demo runs them, each with a worker of its own: python fake_steps.py FOLDER."""

import os
import sys
from pathlib import Path

from rich.console import Console

from nnunet_llm4seg.demo.steps import Step, run_steps

# starts a worker, half-writes its product, and finishes it after a moment; says so if it found a half-written one
COMMAND = """
import pathlib, subprocess, sys, time
product = pathlib.Path(sys.argv[1])
product.mkdir()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)", sys.argv[1]])
print("Epoch 0", flush=True)
time.sleep(1)
(product / "whole").touch()
"""

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    steps = [
        Step(
            name=f"step{number}",
            title=f"Step {number}",
            product=folder / f"product{number}",
            command=("python", "-c", COMMAND, str(folder / f"product{number}")),
        )
        for number in (1, 2, 3)
    ]
    try:
        run_steps(steps, folder, os.environ, Console(width=200))
    except KeyboardInterrupt:
        sys.exit(130)
