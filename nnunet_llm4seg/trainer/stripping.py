"""Remove the frozen LLM layer from a checkpoint, and add it again: small files to share, without others' weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nnunet_llm4seg.errors import CheckpointError, LayerMismatchError, first_line
from nnunet_llm4seg.files import written_whole
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.source import prepare_known
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.plans import inherited
from nnunet_llm4seg.trainer.checkpoints import LAYER_PREFIX
from nnunet_llm4seg.trainer.settings import Settings, settings_in


def strip(path: Path, output: Path) -> Settings:
    """Write a checkpoint without its frozen layer, which it then only refers to by sha256.

    Raises:
        CheckpointError: it cannot be read or written, contains no frozen layer, or `output` exists.
        LayerMismatchError: the layer in it is not the one that its plans name.
    """
    checkpoint, settings = _frozen(path)
    weights = checkpoint["network_weights"]
    held = {name: weights.pop(LAYER_PREFIX + name, None) for name in settings.spec.dtypes}
    if any(tensor is None for tensor in held.values()):
        raise CheckpointError(f"the checkpoint {path} contains no complete LLM layer, so there is nothing to strip.")
    _verify(layer_sha256(held), settings, str(path))
    write_checkpoint(checkpoint, output)
    return settings


def embed(path: Path, output: Path) -> Settings:
    """Write a checkpoint with the frozen layer that it refers to, found as for training.

    Raises:
        CheckpointError: it cannot be read or written, its layer is trained, or `output` exists.
        LayerMismatchError: the layer found is not the one that its plans name.
        LLM4SegError: the layer is not found, see `llm.locate.locate`.
    """
    checkpoint, settings = _frozen(path)
    prepared = prepare_known(settings.config, settings.spec)
    _verify(prepared.spec.sha256, settings, settings.config.model)
    checkpoint["network_weights"].update({LAYER_PREFIX + name: t for name, t in prepared.tensors.items()})
    write_checkpoint(checkpoint, output)
    return settings


def write_checkpoint(checkpoint: dict[str, Any], output: Path) -> None:
    """Write a new checkpoint, completely or not at all.

    Raises:
        CheckpointError: a file of that name exists, or it cannot be written.
    """
    if output.exists():
        raise CheckpointError(f"the file {output} already exists; give another name with -o.")
    try:
        with written_whole(output) as temporary:
            torch.save(checkpoint, temporary)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"the checkpoint {output} cannot be written ({first_line(error)}); give a name in a folder that "
            "exists and has space with -o."
        ) from error


def _frozen(path: Path) -> tuple[dict[str, Any], Settings]:
    """A checkpoint with a frozen layer, and its settings."""
    checkpoint = read_checkpoint(path)
    try:
        arguments = checkpoint["init_args"]
        settings = settings_in(inherited(arguments["plans"], arguments["configuration"], "architecture"))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint {path} was not written by an LLM4Seg trainer; for nnU-Net's own, use llm4seg warm-start."
        ) from error
    if settings.config.weights == "identity":
        raise CheckpointError(f"the network in {path} has no LLM layer (weights identity); share the file as it is.")
    if settings.config.trainable:
        raise CheckpointError(f"the LLM layer in {path} was trained, so it exists nowhere else and must stay in it.")
    return checkpoint, settings


def _verify(found: str, settings: Settings, where: str) -> None:
    if found != settings.spec.sha256:
        raise LayerMismatchError(
            f"the layer in {where} has sha256 {found}, but the checkpoint's plans name {settings.spec.sha256}; "
            "nothing is written. Use the model files that this network was trained with."
        )
