"""A vanilla nnU-Net checkpoint as the start of an LLM4Seg training."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import torch

from nnunet_llm4seg.errors import CheckpointError, ConfigError
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.environment import dataset_folder, variables
from nnunet_llm4seg.nnunet.plans import read_plans
from nnunet_llm4seg.nnunet.trainers import find_trainer
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.settings import Settings


def warm_start(path: Path, output: Path, *, plans: str, trainer: str) -> Settings:
    """Write a checkpoint of an LLM4Seg network before its first epoch, with a vanilla network's weights in it.

    Encoder, decoder and segmentation heads are the vanilla network's, the LLM layer is the one that the plans and the
    trainer ask for, the two adapters are new (drawn with the settings' `seed`), and a gate is zero: with
    `residual: gated` the network computes exactly what the vanilla network computes.

    Args:
        path: Checkpoint of nnU-Net's own trainer, trained with the plans that `plans` was made from.
        output: File to write.
        plans: Name of LLM4Seg plans, in the folder of the checkpoint's data set in nnUNet_preprocessed.
        trainer: Name of an LLM4Seg trainer.

    Raises:
        CheckpointError: the checkpoint cannot be read, is not vanilla or does not fit the plans, or `output` exists
            or cannot be written.
        ConfigError: there is no such trainer.
        DatasetError: there are no such plans, data set or configuration, or it is not preprocessed.
        LLM4SegError: the layer cannot be obtained, see `trainer.settings.resolve`.
    """
    if output.exists():
        raise CheckpointError(f"the file {output} already exists; give another name with -o.")
    checkpoint = read_checkpoint(path)
    vanilla = checkpoint["network_weights"]
    try:
        arguments = checkpoint["init_args"]
        dataset, configuration = arguments["plans"]["dataset_name"], arguments["configuration"]
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"the checkpoint {path} does not say for which plans it was trained.") from error
    if any(name.startswith("bottleneck.") for name in vanilla):
        raise CheckpointError(f"the checkpoint {path} contains an LLM layer already; give one of vanilla nnU-Net.")
    asked = read_plans(
        dataset_folder("nnUNet_preprocessed", dataset) / f"{plans}.json", f"make it with `llm4seg plan {dataset} …`"
    )
    with tempfile.TemporaryDirectory() as scratch, variables(nnUNet_results=scratch), redirect_stdout(io.StringIO()):
        started = _trainer(trainer)(
            {**asked, "continue_training": False},
            configuration,
            arguments["fold"],
            arguments["dataset_json"],
            torch.device("cpu"),
        )
        torch_state = torch.random.get_rng_state()
        torch.manual_seed(started.settings.config.seed)
        started.initialize()
        torch.random.set_rng_state(torch_state)
        _load(started, vanilla, path)
        started.inference_allowed_mirroring_axes = checkpoint.get("inference_allowed_mirroring_axes")
        started.current_epoch = -1  # nnU-Net stores the number of the next epoch
        started.save_checkpoint(str(output))
    return started.settings


def _load(started: nnUNetTrainerLLM4Seg, vanilla: Mapping[str, torch.Tensor], path: Path) -> None:
    network = started.network
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("bottleneck.")}
    strangers = sorted(wanted.keys() ^ vanilla.keys())
    strangers += [name for name in wanted if name in vanilla and wanted[name].shape != vanilla[name].shape]
    if strangers:
        raise CheckpointError(
            f"the checkpoint {path} does not fit the plans {started.plans_manager.plans_name!r}: "
            f"{strangers[0]} differs. Use the plans that `llm4seg plan` made from those of this checkpoint."
        )
    network.load_state_dict(vanilla, strict=False)


def _trainer(name: str) -> type[nnUNetTrainerLLM4Seg]:
    found = find_trainer(name)
    if not issubclass(found, nnUNetTrainerLLM4Seg):
        raise ConfigError(
            f"trainer: {name!r} is not an LLM4Seg trainer; choose nnUNetTrainerLLM4SegGated, or "
            "another one whose name begins with nnUNetTrainerLLM4Seg."
        )
    return found
