"""Both arms with a few iterations: what the integration tests train. nnU-Net finds them by name in this folder."""

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoMirroring import (
    nnUNetTrainerNoMirroring,
)

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.variants import VARIANTS


class _Short:
    def __init__(self, plans, configuration, fold, dataset_json, device=None):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 3
        self.num_iterations_per_epoch = 2
        self.num_val_iterations_per_epoch = 1
        self.save_every = 1


class nnUNetTrainerShort(_Short, nnUNetTrainer):
    pass


class nnUNetTrainerLLM4SegShort(_Short, nnUNetTrainerLLM4Seg, nnUNetTrainerNoMirroring):
    """With another parent, as a user's own trainer has."""


class nnUNetTrainerLLM4SegGatedShort(_Short, nnUNetTrainerLLM4Seg):
    variant = VARIANTS["Gated"]
