"""Checkpoints that are never incomplete: whatever happens during the writing, the previous one stays."""

from __future__ import annotations

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.errors import CheckpointError, first_line
from nnunet_llm4seg.files import written_whole


class WholeCheckpoints(nnUNetTrainer):
    """nnU-Net's trainer, which writes each checkpoint completely or not at all."""

    def save_checkpoint(self, filename: str) -> None:
        """As nnU-Net's.

        Raises:
            CheckpointError: the checkpoint cannot be written; the previous one is untouched.
        """
        if self.local_rank != 0 or self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        try:
            with written_whole(filename) as temporary:
                super().save_checkpoint(str(temporary))
        except (OSError, RuntimeError) as error:
            raise CheckpointError(
                f"the checkpoint {filename} cannot be written ({first_line(error)}); the previous one is "
                "untouched. Free some disk space and continue with --c."
            ) from error
