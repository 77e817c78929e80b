"""A vanilla nnU-Net checkpoint as the start of an LLM4Seg training."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch

from nnunet_llm4seg.errors import CheckpointError, ConfigError, DatasetError
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.environment import dataset_folder, variables
from nnunet_llm4seg.nnunet.files import read_dataset
from nnunet_llm4seg.nnunet.plans import read_plans
from nnunet_llm4seg.nnunet.trainers import find_trainer
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.settings import Settings

_HEADS = ".seg_layers."  # in the names of the segmentation heads' tensors, as nnU-Net's load_pretrained_weights has it


@dataclass(frozen=True)
class WarmStart:
    """What a warm start has written.

    Attributes:
        heads: Names of the segmentation heads, such as `decoder.seg_layers.0`.
        fresh_heads: Those of them that have another shape in the checkpoint and keep their fresh initialisation.
    """

    settings: Settings
    heads: tuple[str, ...]
    fresh_heads: tuple[str, ...]


def warm_start(
    path: Path,
    output: Path,
    *,
    plans: str,
    trainer: str,
    dataset: str | None = None,
    configuration: str | None = None,
) -> WarmStart:
    """Write a checkpoint of an LLM4Seg network before its first epoch, with a vanilla network's weights in it.

    Encoder, decoder and segmentation heads are the vanilla network's, the LLM layer is the one that the plans and the
    trainer ask for, the two adapters are new (drawn with the settings' `seed`), and a gate is zero: with
    `residual: gated` or `zero` the network computes exactly what the vanilla network computes, if all heads fit.

    Args:
        path: Checkpoint of nnU-Net's own trainer, whose network but for its heads is the one in `plans`.
        output: File to write.
        plans: Name of LLM4Seg plans, in the folder of the data set in nnUNet_preprocessed.
        trainer: Name of an LLM4Seg trainer.
        dataset: Data set to train on, by name or number, by default the checkpoint's. If given, nothing of the
            checkpoint's data set needs to be on this machine.
        configuration: Configuration to train, by default the checkpoint's.

    Raises:
        CheckpointError: the checkpoint cannot be read, is not vanilla or does not fit the plans, or `output` exists
            or cannot be written.
        ConfigError: there is no such trainer.
        DatasetError: there are no such plans, data set or configuration, the plans are another data set's, or it is
            not preprocessed.
        LLM4SegError: the layer cannot be obtained, see `trainer.settings.resolve`.
    """
    if output.exists():
        raise CheckpointError(f"the file {output} already exists; give another name with -o.")
    checkpoint = read_checkpoint(path)
    vanilla = checkpoint["network_weights"]
    try:
        arguments = checkpoint["init_args"]
        name = dataset or arguments["plans"]["dataset_name"]
        configuration = configuration or arguments["configuration"]
        fold, described = arguments["fold"], arguments["dataset_json"]
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"the checkpoint {path} does not say for which plans it was trained.") from error
    if any(name.startswith("bottleneck.") for name in vanilla):
        raise CheckpointError(f"the checkpoint {path} contains an LLM layer already; give one of vanilla nnU-Net.")
    folder = dataset_folder("nnUNet_preprocessed", name)
    asked = read_plans(folder / f"{plans}.json", f"make it with `llm4seg plan {folder.name} …`")
    if asked["dataset_name"] != folder.name:
        raise DatasetError(
            f"plans: {folder / plans}.json is for the data set {asked['dataset_name']!r}; move the plans with "
            "`nnUNetv2_move_plans_between_datasets`, which changes that, and run `llm4seg plan` with the result."
        )
    if dataset is not None:
        described = read_dataset(folder)
    with tempfile.TemporaryDirectory() as scratch, variables(nnUNet_results=scratch), redirect_stdout(io.StringIO()):
        started = _trainer(trainer)(
            {**asked, "continue_training": False},
            configuration,
            fold,
            described,
            torch.device("cpu"),
        )
        torch_state = torch.random.get_rng_state()
        torch.manual_seed(started.settings.config.seed)
        started.initialize()
        torch.random.set_rng_state(torch_state)
        heads, fresh = _load(started, vanilla, path)
        started.inference_allowed_mirroring_axes = checkpoint.get("inference_allowed_mirroring_axes")
        started.current_epoch = -1  # nnU-Net stores the number of the next epoch
        started.save_checkpoint(str(output))
    return WarmStart(started.settings, heads, fresh)


def _load(
    started: nnUNetTrainerLLM4Seg, vanilla: Mapping[str, torch.Tensor], path: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Load all but the heads with another shape; returns the names of all heads, and of those."""
    network = started.network
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("bottleneck.")}
    strangers = sorted(wanted.keys() ^ vanilla.keys())
    differing = [name for name in wanted if name in vanilla and wanted[name].shape != vanilla[name].shape]
    strangers += [name for name in differing if _HEADS not in name]
    if strangers:
        raise CheckpointError(
            f"the checkpoint {path} does not fit the plans {started.plans_manager.plans_name!r}: "
            f"{strangers[0]} differs. Use the plans that `llm4seg plan` made from those of this checkpoint."
        )
    fresh = _heads(differing)
    fitting = {name: tensor for name, tensor in vanilla.items() if not name.startswith(tuple(f"{h}." for h in fresh))}
    network.load_state_dict(fitting, strict=False)
    return _heads(wanted), fresh


def _heads(names: Iterable[str]) -> tuple[str, ...]:
    """The segmentation heads among tensors, without the tensors' own names."""
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names if _HEADS in name))


def _trainer(name: str) -> type[nnUNetTrainerLLM4Seg]:
    found = find_trainer(name)
    if not issubclass(found, nnUNetTrainerLLM4Seg):
        raise ConfigError(
            f"trainer: {name!r} is not an LLM4Seg trainer; choose nnUNetTrainerLLM4SegGated, or "
            "another one whose name begins with nnUNetTrainerLLM4Seg."
        )
    return found
