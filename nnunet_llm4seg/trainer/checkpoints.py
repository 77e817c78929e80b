"""Reading checkpoints: the newest one to continue from, and a frozen layer for other folds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nnunet_llm4seg.errors import CheckpointError
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import Tensors
from nnunet_llm4seg.llm.source import LayerSpec
from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint
from nnunet_llm4seg.nnunet.names import BEST_CHECKPOINT, FINAL_CHECKPOINT, LATEST_CHECKPOINT

LAYER_PREFIX = "bottleneck.layer."
_EVERY = (FINAL_CHECKPOINT, BEST_CHECKPOINT, LATEST_CHECKPOINT)


def newest_readable(folder: Path) -> tuple[Path, int, list[str]]:
    """The readable one of a fold's `latest` and `best` checkpoints with the highest epoch.

    Returns:
        Its path, its epoch, and a sentence about each one that cannot be read.

    Raises:
        CheckpointError: neither can be read.
    """
    epochs: dict[Path, int] = {}
    problems: list[str] = []
    for name in (LATEST_CHECKPOINT, BEST_CHECKPOINT):
        if (folder / name).is_file():
            try:
                epochs[folder / name] = read_checkpoint(folder / name)["current_epoch"]
            except CheckpointError as error:
                problems.append(str(error))
    if not epochs:
        raise CheckpointError(
            f"no checkpoint in {folder} can be read, so there is nothing to continue from ({' '.join(problems)}); "
            "train this fold again without --c."
        )
    path = max(epochs, key=epochs.__getitem__)
    return path, epochs[path], problems


def layer_from_siblings(results: Path, spec: LayerSpec) -> tuple[Path, Tensors] | None:
    """A frozen layer's tensors from any fold's checkpoint in a results folder, or None.

    Only tensors with the spec's sha256 count.
    """
    for path in _checkpoints(results):
        try:
            weights = read_checkpoint(path)["network_weights"]
        except CheckpointError:
            continue  # incomplete or foreign: try the next one
        tensors = {name: weights.get(LAYER_PREFIX + name) for name in spec.dtypes}
        if all(t is not None for t in tensors.values()) and layer_sha256(tensors) == spec.sha256:
            return path, {name: tensor.clone() for name, tensor in tensors.items()}  # the file is only mapped
    return None


def _checkpoints(results: Path) -> Iterable[Path]:
    for fold in sorted(results.glob("fold_*")):
        yield from (fold / name for name in _EVERY if (fold / name).is_file())
