"""`llm4seg models`: the models that we know by name."""

from nnunet_llm4seg.cli import app


@app.command()
def models() -> None:
    """List known models: shape, size of one layer, licence, and the paper's layer. Others work too."""
    from rich.console import Console
    from rich.table import Table

    from nnunet_llm4seg.llm.families import FAMILIES
    from nnunet_llm4seg.llm.known import KNOWN

    numbers = ("hidden", "layers", "parameters per layer", "MB per layer")
    table = Table("model", "family", "kind", *numbers, "licence", "gated", "paper's layer")
    for name, known in KNOWN.items():
        family = known.config["model_type"]
        if family not in FAMILIES:
            continue
        table.add_row(
            name,
            family,
            "vision" if FAMILIES[family].vision else "text",
            str(known.config["hidden_size"]),
            str(known.config["num_hidden_layers"]),
            f"{known.layer_parameters:,}",
            f"{known.layer_bytes / 1e6:.1f}",
            known.licence,
            "yes" if known.gated else "no",
            "" if known.paper_layer is None else str(known.paper_layer),
        )
    Console().print(table)
