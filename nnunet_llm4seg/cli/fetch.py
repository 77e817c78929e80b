"""`llm4seg fetch`: one layer of a model from the hub."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def fetch(
    model: Annotated[str, typer.Argument(help="Hub id such as org/name; `llm4seg models` lists some.")],
    layer: Annotated[
        int | None, typer.Option(min=0, help="Index counted from 0. [default: the paper's, for its models]")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="How many consecutive layers, from that one on.")] = 1,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit. [default: main]")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write. [default: a place in $LLM4SEG_HOME]")] = None,
) -> None:
    """Download one layer of a model (or a few) and nothing else, for training on machines without internet."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from nnunet_llm4seg.config import layers_in_words
    from nnunet_llm4seg.llm import cache
    from nnunet_llm4seg.llm.fetch import fetch_layer
    from nnunet_llm4seg.llm.known import paper_layer

    layer = paper_layer(model) if layer is None else layer
    layers = layers_in_words(layer, depth)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{layers} of {model}", total=None)
        folder = fetch_layer(
            model,
            layer,
            depth=depth,
            revision=revision,
            to=to,
            progress=lambda had, size: bar.update(task, completed=had, total=size),
        )
    found = cache.read(folder)
    assert found is not None  # it was written just now
    print(f"{folder}")
    print(f"{layers} of {model} at {found.provenance['commit']}: {found.size / 1e6:.1f} MB")
    print(f"sha256 {found.provenance['layer_sha256']}")
    print(f"licence {found.provenance['licence'] or 'not named by the model card'}")
