"""The demo's two arms with a budget for tests."""

from nnunet_llm4seg.trainer.variants.short import nnUNetTrainerLLM4Seg_demo, nnUNetTrainerVanilla_demo


class nnUNetTrainerVanilla_tiny(nnUNetTrainerVanilla_demo):
    epochs, iterations, validation_iterations = 3, 1, 1


class nnUNetTrainerLLM4Seg_tiny(nnUNetTrainerLLM4Seg_demo):
    epochs, iterations, validation_iterations = 3, 1, 1
