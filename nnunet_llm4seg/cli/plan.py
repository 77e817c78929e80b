"""`llm4seg plan`: LLM4Seg plans made from nnU-Net's own, on the same preprocessed data."""

import inspect
import shlex
from collections.abc import Callable
from typing import Annotated, Any

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.config import Setting, as_options, settings


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of `LLM4SegConfig`; they arrive as its keyword arguments."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]
    added = [
        inspect.Parameter(
            setting.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                setting.kind | None, typer.Option(help=_sentence(setting), show_default=_shown(setting.default))
            ],
        )
        for setting in settings()
    ]

    def with_settings(**values: Any) -> None:
        command(**values)

    with_settings.__doc__ = command.__doc__
    with_settings.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    with_settings.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
    return with_settings


def _shown(default: Any) -> str | bool:
    return False if default is None else str(default)


def _sentence(setting: Setting) -> str:
    values = f": {', '.join(setting.allowed)}" if setting.allowed else ""
    return f"{setting.help[0].upper()}{setting.help[1:]}{values}."


@app.command("plan")
@_with_settings
def plan(
    dataset: Annotated[str, typer.Argument(help="Data set, as DatasetXXX_Name or XXX.")],
    configuration: Annotated[list[str], typer.Option("-c", help="Configuration that gets the layer; repeatable.")],
    source: Annotated[str, typer.Option("-p", help="nnU-Net plans to start from.")] = "nnUNetPlans",
    name: Annotated[str | None, typer.Option("-o", help="Name of the new plans. [default: SOURCE_LLM4Seg]")] = None,
    protocol: Annotated[str | None, typer.Option(help="paper: its patch, batch and spacing, as a pair.")] = None,
    backbone: Annotated[
        str, typer.Option(help="Network: nnunet (what is in the plans), or one of the paper's, as a pair.")
    ] = "nnunet",
    patch_size: Annotated[
        str | None, typer.Option(help="With --backbone: another patch for both, such as 48x64x48.")
    ] = None,
    token_grid: Annotated[int | None, typer.Option(help="With --protocol: edge of the token grid.")] = None,
    **settings: Any,
) -> None:
    """Write LLM4Seg plans made from nnU-Net's own; only the settings given here are written."""
    from nnunet_llm4seg.nnunet.environment import dataset_folder
    from nnunet_llm4seg.nnunet.plans import read_plans
    from nnunet_llm4seg.plans.backbones import parse_patch, write_backbone_pair
    from nnunet_llm4seg.plans.cascade import describe_cascade, first_stage, in_training_order
    from nnunet_llm4seg.plans.make import write_plans
    from nnunet_llm4seg.plans.protocol import write_pair
    from nnunet_llm4seg.trainer.recipes import RECIPES, vanilla_trainer

    fields = {field: value for field, value in settings.items() if value is not None}
    folder = dataset_folder("nnUNet_preprocessed", dataset)
    baseline, preprocess, recipe = source, None, ""
    if backbone != "nnunet" or patch_size is not None:
        patch = patch_size and parse_patch(patch_size)
        options = {"token_grid": token_grid, "protocol": protocol, "patch_size": patch}
        made = write_backbone_pair(
            folder, configuration, fields, backbone=backbone, source=source, name=name, **options
        )
        baseline, written, preprocess, recipe = made.baseline.stem, made.candidate, made.preprocess, made.recipe
        print(f"Wrote {made.baseline}, the baseline.")
    elif protocol is not None or token_grid is not None:
        pair = write_pair(
            folder, configuration, fields, protocol=protocol, source=source, name=name, token_grid=token_grid
        )
        baseline, written, preprocess = pair.baseline.stem, pair.candidate, pair.preprocess
        print(f"Wrote {pair.baseline}, the baseline.")
    else:
        written = write_plans(folder, configuration, fields, source=source, name=name or f"{source}_LLM4Seg")
    print(f"Wrote {written.path}.")
    for line in written.description:
        print(line)
    if preprocess:
        print(f"\nPreprocess the data for both with:\n\n{preprocess}")
    if recipe:
        print(f"\n{backbone} is published with: {RECIPES[recipe].summary}; both arms get it from their trainers.")
    print("\nTrain the baseline and the network with the LLM layer with:\n")
    plans = read_plans(written.path, "run this command again")
    trainer = f"nnUNetTrainerLLM4Seg{recipe}"
    vanilla = f" -tr {vanilla_trainer(recipe)}" if recipe else ""
    command = "llm4seg train" if "Vanilla" in vanilla else "nnUNetv2_train"
    baselines = in_training_order(
        plans, [*configuration, *(first for each in configuration if (first := first_stage(plans, each)))]
    )
    cascaded = {first_stage(plans, each) for each in configuration}
    for each in baselines:
        loop = each in cascaded or first_stage(plans, each) is not None  # a second stage needs the first's every fold
        before, fold, after = ("for fold in 0 1 2 3 4; do ", "$fold", "; done") if loop else ("", "0", "")
        print(f"{before}{command} {folder.name} {each} {fold} -p {baseline}{vanilla}{after}")
        if each in configuration:
            print(f"{before}llm4seg train {folder.name} {each} {fold} -p {written.path.stem} -tr {trainer}{after}")
    for each in configuration:
        words = ["-c", str(first_stage(plans, each)), "-c", each, "-p", source, "-o", f"{written.path.stem}_cascade"]
        words += as_options(fields)
        other = f"{vanilla_trainer(recipe) if recipe else 'nnUNetTrainer'}__{baseline}"
        both = shlex.join(["llm4seg", "plan", folder.name, *words])
        lines = list(describe_cascade(plans, each, trainer=trainer, other=other, plan_both=both))
        print(*(["", *lines] if lines else []), sep="\n", end="\n" if lines else "")
