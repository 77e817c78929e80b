"""`llm4seg plan`: LLM4Seg plans made from nnU-Net's own, on the same preprocessed data."""

from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def plan(
    dataset: Annotated[str, typer.Argument(help="Data set, as DatasetXXX_Name or XXX.")],
    configuration: Annotated[list[str], typer.Option("-c", help="Configuration that gets the layer; repeatable.")],
    source: Annotated[str, typer.Option("-p", help="nnU-Net plans to start from.")] = "nnUNetPlans",
    name: Annotated[str | None, typer.Option("-o", help="Name of the new plans. [default: SOURCE_LLM4Seg]")] = None,
    protocol: Annotated[str | None, typer.Option(help="paper: its patch, batch and spacing, as a pair.")] = None,
    token_grid: Annotated[int | None, typer.Option(help="With --protocol: edge of the token grid.")] = None,
    model: Annotated[str | None, typer.Option(help="Hub id or folder of the language model.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit of the model repository.")] = None,
    layer: Annotated[int | None, typer.Option(help="Index of the decoder layer, counted from 0.")] = None,
    weights: Annotated[str | None, typer.Option(help="pretrained, shuffled or random.")] = None,
    trainable: Annotated[bool | None, typer.Option(help="Train the layer too.")] = None,
    attention: Annotated[str | None, typer.Option(help="causal or bidirectional.")] = None,
    positions: Annotated[str | None, typer.Option(help="paper, rope, axial or none.")] = None,
    residual: Annotated[str | None, typer.Option(help="none or gated.")] = None,
    stage: Annotated[int | None, typer.Option(help="Encoder stage; -1 is the bottleneck.")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, bfloat16 or float32.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of shuffled and random weights.")] = None,
    embed_weights: Annotated[bool | None, typer.Option(help="Keep the frozen layer inside checkpoints.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Refuse to train with more tokens at patch size.")] = None,
) -> None:
    """Write LLM4Seg plans made from nnU-Net's own; only the settings given here are written."""
    import json

    from nnunet_llm4seg.nnunet.environment import dataset_folder
    from nnunet_llm4seg.plans.make import write_plans
    from nnunet_llm4seg.plans.protocol import write_pair
    from nnunet_llm4seg.plans.report import describe_plans

    given = {
        "model": model,
        "revision": revision,
        "layer": layer,
        "weights": weights,
        "trainable": trainable,
        "attention": attention,
        "positions": positions,
        "residual": residual,
        "stage": stage,
        "dtype": dtype,
        "seed": seed,
        "embed_weights": embed_weights,
        "max_tokens": max_tokens,
    }
    fields = {field: value for field, value in given.items() if value is not None}
    folder = dataset_folder("nnUNet_preprocessed", dataset)
    baseline, preprocess = source, None
    if protocol is not None or token_grid is not None:
        pair = write_pair(
            folder, configuration, fields, protocol=protocol, source=source, name=name, token_grid=token_grid
        )
        baseline, path, preprocess = pair.baseline.stem, pair.candidate, pair.preprocess
        print(f"Wrote {pair.baseline}, the baseline.")
    else:
        path = write_plans(folder, configuration, fields, source=source, name=name or f"{source}_LLM4Seg")
    print(f"Wrote {path}.")
    for line in describe_plans(json.loads(path.read_text(encoding="utf-8")), configuration):
        print(line)
    if preprocess:
        print(f"\nPreprocess the data for both with:\n\n{preprocess}")
    print("\nTrain the baseline and the network with the LLM layer with:\n")
    for each in configuration:
        print(f"nnUNetv2_train {folder.name} {each} 0 -p {baseline}")
        print(f"llm4seg train {folder.name} {each} 0 -p {path.stem} -tr nnUNetTrainerLLM4Seg")
