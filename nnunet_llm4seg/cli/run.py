"""`llm4seg train` and `llm4seg predict`: nnU-Net's own commands, which find our trainers."""

import importlib
import sys
import traceback

import typer

from nnunet_llm4seg.cli import app
from nnunet_llm4seg.errors import LLM4SegError

# nnU-Net reads every argument, including --help
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _run(context: typer.Context, module: str, function: str, variables: tuple[str, ...], check: str) -> None:
    from nnunet_llm4seg.nnunet.environment import require_folder, use_trainers

    use_trainers()
    if not {"-h", "--help"} & set(context.args):
        for variable in variables:
            require_folder(variable)
        getattr(importlib.import_module("nnunet_llm4seg.trainer.arguments"), check)(context.args)
    sys.argv = [f"llm4seg {context.info_name}", *context.args]
    entry = getattr(importlib.import_module(module), function)
    try:
        entry()
    except LLM4SegError:
        raise
    except Exception as error:  # whatever nnU-Net raises, without the frames of our command line
        own = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, own)
        raise typer.Exit(1) from None


@app.command(context_settings=_PASSED_ON)
def train(context: typer.Context) -> None:
    """Train: takes exactly the arguments of nnUNetv2_train."""
    variables = ("nnUNet_preprocessed", "nnUNet_results")
    _run(context, "nnunetv2.run.run_training", "run_training_entry", variables, "check_train")


@app.command(context_settings=_PASSED_ON)
def predict(context: typer.Context) -> None:
    """Predict: takes exactly the arguments of nnUNetv2_predict."""
    module = "nnunetv2.inference.predict_from_raw_data"
    _run(context, module, "predict_entry_point", ("nnUNet_results",), "check_predict")
