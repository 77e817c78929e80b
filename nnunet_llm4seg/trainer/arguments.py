"""The arguments of nnUNetv2_train and nnUNetv2_predict, checked before nnU-Net takes them.

Only what nnU-Net answers with a traceback, or not at all, is checked; nnU-Net parses all of them itself.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.environment import dataset_folder
from nnunet_llm4seg.nnunet.files import read_dataset
from nnunet_llm4seg.nnunet.names import model_folder_name
from nnunet_llm4seg.nnunet.plans import asking_configurations, inherited
from nnunet_llm4seg.nnunet.trainers import find_trainer
from nnunet_llm4seg.plans.make import read_source
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.variants import NAMES

_OPTIONS = (
    *("-i", "-o", "-d", "-c", "-tr", "-p", "-f", "-pretrained_weights", "-device", "-num_gpus", "-chk"),
    *("-step_size", "-npp", "-nps", "-num_parts", "-part_id", "-prev_stage_predictions"),
)


def check_train(words: Sequence[str]) -> None:
    """Check the arguments of a training.

    Raises:
        DatasetError: there is no such data set, or no such plans or configuration.
        ConfigError: there is no such trainer; or the plans ask for an LLM layer, and the trainer has none; or
            `-pretrained_weights` is a vanilla checkpoint, and the trainer has a layer.
    """
    given = _parse(words, ("dataset", "configuration", "fold"), {"-tr": "nnUNetTrainer", "-p": "nnUNetPlans"})
    if given is None:
        return
    plans = read_source(dataset_folder("nnUNet_preprocessed", given.dataset), given.p)
    inherited(plans, given.configuration, "architecture")
    if given.fold != "all" and not given.fold.isdecimal():
        raise ConfigError(f"fold: {given.fold!r} is not allowed; give a number, such as 0, or all.")
    ours = issubclass(find_trainer(given.tr, NAMES), nnUNetTrainerLLM4Seg)
    if not ours and given.configuration in asking_configurations(plans):
        raise ConfigError(
            f"trainer: the plans {given.p!r} ask for an LLM layer, and {given.tr} has none; add "
            "`-tr nnUNetTrainerLLM4Seg`, or train without the layer with nnUNetv2_train."
        )
    if ours and given.pretrained_weights:
        weights = read_checkpoint(Path(given.pretrained_weights))["network_weights"]
        if not any(name.startswith("bottleneck.") for name in weights):
            raise ConfigError(
                f"-pretrained_weights: {given.pretrained_weights} has no LLM layer; make a checkpoint that has one: "
                f"`llm4seg warm-start {given.pretrained_weights} -o NEW.pth -p {given.p} -tr {given.tr}`."
            )


def check_predict(words: Sequence[str]) -> None:
    """Check the arguments of a prediction.

    Raises:
        DatasetError: there is no such model, or no input that fits it.
        ConfigError: there is no such trainer.
    """
    given = _parse(words, (), {"-tr": "nnUNetTrainer", "-p": "nnUNetPlans"})
    if given is None or not (given.i and given.d and given.c):
        return
    find_trainer(given.tr, NAMES)
    results = dataset_folder("nnUNet_results", given.d)
    folder = results / model_folder_name(given.tr, given.p, given.c)
    if not folder.is_dir():
        trained = ", ".join(sorted(path.name for path in results.iterdir() if path.name.count("__") == 2))
        raise DatasetError(
            f"model: there is no {folder}; choose -tr, -p and -c of a trained one: {trained or 'none is trained'}."
        )
    check_images(Path(given.i), read_dataset(folder))


def check_images(folder: Path, dataset: dict) -> None:
    """Images to predict: named CASE_0000 and so on, one per channel, with the data set's ending.

    Raises:
        DatasetError: there are none, or a case has other channels.
    """
    ending, channels = dataset["file_ending"], len(dataset["channel_names"])
    if not folder.is_dir():
        raise DatasetError(f"-i: there is no folder {folder}; give the one with the images to predict.")
    stems = sorted(path.name.removesuffix(ending) for path in folder.iterdir() if path.name.endswith(ending))
    if not stems:
        raise DatasetError(f"-i: {folder} has no file that ends in {ending}, as this model's images do.")
    found: dict[str, set[str]] = {}
    for stem in stems:
        case, _, channel = stem.rpartition("_")
        if len(channel) != 4 or not channel.isdecimal() or not case:
            raise DatasetError(f"-i: {folder / (stem + ending)} is not named CASE_0000{ending}; rename it.")
        found.setdefault(case, set()).add(channel)
    wanted = {f"{channel:04d}" for channel in range(channels)}
    for case, those in found.items():
        if those != wanted:
            raise DatasetError(
                f"-i: the case {case} in {folder} has the channels {', '.join(sorted(those))}, but the model was "
                f"trained with {', '.join(sorted(wanted))}; add or remove files."
            )


def _parse(words: Sequence[str], positional: Sequence[str], defaults: dict[str, str]) -> Namespace | None:
    """What is checked, or None where nnU-Net's own parser has something to say (help, something missing)."""
    if {"-h", "--help"} & set(words):
        return None
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in positional:
        parser.add_argument(name, nargs="?")
    for option in _OPTIONS:  # all of nnU-Net's, or argparse takes -prev_stage_predictions for -p
        parser.add_argument(option, nargs="*" if option == "-f" else "?", default=defaults.get(option))
    given, _ = parser.parse_known_args(list(words))
    return None if any(getattr(given, name) is None for name in positional) else given
