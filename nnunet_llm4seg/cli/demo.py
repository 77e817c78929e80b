"""`llm4seg demo`: everything once, in minutes, without a GPU, a login or data."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", help="Folder for everything that the demo writes.")] = Path(
        "llm4seg_demo"
    ),
    data: Annotated[
        Path | None,
        typer.Option(help="Your own images: an nnU-Net raw data set, or images/ and masks/0/. [default: synthetic]"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Hub id, folder or GGUF file of a language model. [default: SmolLM2]")
    ] = None,
    layer: Annotated[int | None, typer.Option(help="Index of its layer, counted from 0.")] = None,
) -> None:
    """Train nnU-Net with and without an LLM layer on a small synthetic data set, and compare the two."""
    from rich.console import Console

    from nnunet_llm4seg.demo.recipe import Demo
    from nnunet_llm4seg.demo.run import run_demo

    wanted = Demo(folder=output.resolve(), data=data and data.resolve(), model=model, layer=layer)
    try:
        run_demo(wanted, Console())
    except KeyboardInterrupt:
        print("\nStopped; nothing is broken. Run the same command again to continue.")
        raise typer.Exit(130) from None
