"""`llm4seg cache`: the layers that were fetched."""

from typing import Annotated

import typer

from nnunet_llm4seg.cli import app

commands = typer.Typer(help="List, verify and remove fetched layers.", no_args_is_help=True)
app.add_typer(commands, name="cache")


@commands.command("list")
def list_layers() -> None:
    """List the fetched layers."""
    from rich.console import Console
    from rich.table import Table

    from nnunet_llm4seg.llm import cache

    table = Table("model", "layer", "commit", "dtype", "MB", "licence", "fetched")
    for cached in cache.entries():
        about = cached.provenance
        row = (about["commit"][:12], about["source_dtype"], f"{cached.size / 1e6:.1f}", about["licence"] or "?")
        table.add_row(cached.model, cached.layers.split(" ", 1)[1], *row, about["fetched"][:10])
    print(f"{cache.home()}")
    Console().print(table)


@commands.command()
def verify() -> None:
    """Hash every fetched layer again; exit code 2 if one is not what was fetched."""
    from nnunet_llm4seg.errors import CacheError
    from nnunet_llm4seg.llm import cache

    damaged = []
    for cached in cache.entries():
        problems = cache.problems(cached)
        print(f"{cached.model} {cached.layers} {cached.provenance['commit'][:12]}: {'; '.join(problems) or 'ok'}")
        damaged += [cached] if problems else []
    if damaged:
        commands_ = "; ".join(f"llm4seg cache remove {c.model} --layer {c.layer}" for c in damaged)
        raise CacheError(f"cache: {len(damaged)} damaged; remove and fetch again: {commands_}.")


@commands.command()
def remove(
    model: Annotated[str, typer.Argument(help="Hub id.")],
    layer: Annotated[int | None, typer.Option(min=0, help="Only this layer. [default: all of the model]")] = None,
) -> None:
    """Remove a model's fetched layers."""
    from nnunet_llm4seg.llm import cache

    for cached in cache.remove(model, layer):
        print(f"removed {cached.folder}")
