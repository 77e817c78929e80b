"""`llm4seg train` and `llm4seg predict`: nnU-Net's own commands, which find our trainers."""

import importlib
import sys

import typer

from nnunet_llm4seg.cli import app

# nnU-Net reads every argument, including --help
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _run(context: typer.Context, module: str, function: str, variables: tuple[str, ...]) -> None:
    from nnunet_llm4seg.nnunet.environment import require_folder, use_trainers

    if not {"-h", "--help"} & set(context.args):
        for variable in variables:
            require_folder(variable)
    use_trainers()
    sys.argv = [f"llm4seg {context.info_name}", *context.args]
    getattr(importlib.import_module(module), function)()


@app.command(context_settings=_PASSED_ON)
def train(context: typer.Context) -> None:
    """Train: takes exactly the arguments of nnUNetv2_train."""
    _run(context, "nnunetv2.run.run_training", "run_training_entry", ("nnUNet_preprocessed", "nnUNet_results"))


@app.command(context_settings=_PASSED_ON)
def predict(context: typer.Context) -> None:
    """Predict: takes exactly the arguments of nnUNetv2_predict."""
    _run(context, "nnunetv2.inference.predict_from_raw_data", "predict_entry_point", ("nnUNet_results",))
