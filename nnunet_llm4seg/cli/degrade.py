"""`llm4seg degrade`: a data set with fewer training cases, or with noisy training labels."""

from typing import Annotated

import typer

from nnunet_llm4seg.cli import app


@app.command()
def degrade(
    dataset: Annotated[str, typer.Argument(help="Raw data set, as DatasetXXX_Name or XXX.")],
    dataset_id: Annotated[int, typer.Option("-d", help="nnU-Net's number for the new data set, 1 to 999.")],
    train_fraction: Annotated[
        float | None, typer.Option(help="Share of each fold's training cases that is kept, such as 0.1.")
    ] = None,
    label_noise: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:STRENGTH",
            help="eroded, dilated or shifted by pixels, such as eroded:2; dropped with a probability: dropped:0.3.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is kept, and of the noise.")] = 0,
) -> None:
    """Copy a raw data set with fewer training cases or noisy training labels; validation cases stay as they are."""
    from nnunet_llm4seg.datasets.degradation import Degradation
    from nnunet_llm4seg.datasets.degrade import degrade as make
    from nnunet_llm4seg.datasets.label_noise import LabelNoise

    noise = None if label_noise is None else LabelNoise.parse(label_noise)
    folder, lines = make(dataset, dataset_id, Degradation(train_fraction=train_fraction, label_noise=noise, seed=seed))
    print(folder)
    for line in lines:
        print(f"  {line}")
    print(f"next: nnUNetv2_plan_and_preprocess -d {dataset_id} --verify_dataset_integrity")
