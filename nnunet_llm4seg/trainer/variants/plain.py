"""The layer as the plans ask for it, in nnU-Net's own training lengths."""

from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg


class nnUNetTrainerLLM4Seg_1epoch(nnUNetTrainerLLM4Seg):
    epochs = 1


class nnUNetTrainerLLM4Seg_5epochs(nnUNetTrainerLLM4Seg):
    epochs = 5


class nnUNetTrainerLLM4Seg_10epochs(nnUNetTrainerLLM4Seg):
    epochs = 10


class nnUNetTrainerLLM4Seg_20epochs(nnUNetTrainerLLM4Seg):
    epochs = 20


class nnUNetTrainerLLM4Seg_50epochs(nnUNetTrainerLLM4Seg):
    epochs = 50


class nnUNetTrainerLLM4Seg_100epochs(nnUNetTrainerLLM4Seg):
    epochs = 100


class nnUNetTrainerLLM4Seg_250epochs(nnUNetTrainerLLM4Seg):
    epochs = 250


class nnUNetTrainerLLM4Seg_500epochs(nnUNetTrainerLLM4Seg):
    epochs = 500


class nnUNetTrainerLLM4Seg_750epochs(nnUNetTrainerLLM4Seg):
    epochs = 750


class nnUNetTrainerLLM4Seg_2000epochs(nnUNetTrainerLLM4Seg):
    epochs = 2000


class nnUNetTrainerLLM4Seg_4000epochs(nnUNetTrainerLLM4Seg):
    epochs = 4000


class nnUNetTrainerLLM4Seg_8000epochs(nnUNetTrainerLLM4Seg):
    epochs = 8000
