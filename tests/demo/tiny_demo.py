"""Run the demo as `llm4seg demo` does, with the tiny trainers: python tiny_demo.py FOLDER [MODEL LAYER]."""

import sys
from pathlib import Path

from rich.console import Console

from nnunet_llm4seg.demo.recipe import Demo
from nnunet_llm4seg.demo.run import run_demo

ARMS = (("vanilla", "nnUNetTrainerVanilla_tiny"), ("LLM4Seg", "nnUNetTrainerLLM4Seg_tiny"))

if __name__ == "__main__":
    folder, *model = sys.argv[1:]
    options = {"model": model[0], "layer": int(model[1])} if model else {}
    try:
        run_demo(Demo(folder=Path(folder), arms=ARMS, cases=(10, 2), size=64, **options), Console(width=200))
    except KeyboardInterrupt:
        print("Stopped")
        sys.exit(130)
