"""`llm4seg warm-start`, `strip` and `embed`: new checkpoints made from old ones."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_llm4seg.cli import app

_Checkpoint = Annotated[Path, typer.Argument(help="A checkpoint_*.pth file.")]
_Output = Annotated[Path, typer.Option("-o", help="Checkpoint to write.")]


@app.command("warm-start")
def warm_start(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of vanilla nnU-Net.")],
    output: _Output,
    plans: Annotated[str, typer.Option("-p", help="LLM4Seg plans whose network is the checkpoint's.")],
    trainer: Annotated[str, typer.Option("-tr", help="LLM4Seg trainer.")] = "nnUNetTrainerLLM4SegGated",
    dataset: Annotated[
        str | None, typer.Option("-d", help="Data set to train on, as DatasetXXX_Name or XXX. [default: checkpoint's]")
    ] = None,
    configuration: Annotated[
        str | None, typer.Option("-c", help="Configuration to train. [default: checkpoint's]")
    ] = None,
) -> None:
    """Start an LLM4Seg network from a vanilla nnU-Net checkpoint, for nnUNetv2_train -pretrained_weights."""
    from nnunet_llm4seg.nnunet.environment import require_folder, use_trainers

    require_folder("nnUNet_preprocessed")
    use_trainers()
    from nnunet_llm4seg.trainer.warm_start import warm_start

    made = warm_start(checkpoint, output, plans=plans, trainer=trainer, dataset=dataset, configuration=configuration)
    print(f"Wrote {output}.")
    fresh = made.fresh_heads
    print(f"Segmentation heads from the checkpoint: {len(made.heads) - len(fresh)} of {len(made.heads)}.")
    if fresh:
        print(f"Skipped {len(fresh)}, which have another shape there and start anew: {', '.join(fresh)}.")
    if made.settings.config.residual == "none":
        print("residual is none: the LLM layer replaces the features, so step 0 is not the vanilla prediction.")
    print("-pretrained_weights loads all of it but the segmentation heads, which nnU-Net always initialises anew.")
    print("To keep the heads in it, copy it as checkpoint_latest.pth into the new fold's folder and train with --c.")


@app.command()
def strip(checkpoint: _Checkpoint, output: _Output) -> None:
    """Remove the frozen LLM layer from a checkpoint before you share it."""
    from nnunet_llm4seg.trainer.stripping import strip

    config = strip(checkpoint, output).config
    print(f"Wrote {output}: {_megabytes(checkpoint)} -> {_megabytes(output)}.")
    print(f"To use it, {config.layers} of {config.model} must be on that machine; or run `llm4seg embed`.")


@app.command()
def embed(checkpoint: _Checkpoint, output: _Output) -> None:
    """Put the frozen LLM layer back into a stripped checkpoint."""
    from nnunet_llm4seg.trainer.stripping import embed

    embed(checkpoint, output)
    print(f"Wrote {output}: {_megabytes(checkpoint)} -> {_megabytes(output)}.")


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
