"""Baselines that are other networks of nnU-Net's own: residual encoders and Primus.

The user names such a baseline. It differs from the candidate in its network, and Primus also in the optimiser that its
trainer brings; these differences are reported, and any other is refused as for every arm.
"""

from __future__ import annotations

from nnunet_llm4seg.evaluation.arms.differences import Difference
from nnunet_llm4seg.evaluation.arms.runs import Arm
from nnunet_llm4seg.nnunet.plans import all_entries

_RESIDUAL_ENCODER = "ResidualEncoderUNet"
# nnU-Net's trainers that bring a network of their own begin so: nnUNet_Primus_M_Trainer, nnUNet_PrimusV2M_Trainer
_PRIMUS = "nnUNet_Primus"
_NETWORK = ("architecture", "experiment_planner_used")
_PRIMUS_TRAINING = ("trainer", "optimizer", "initial_lr", "weight_decay", "enable_deep_supervision")


def is_the_network(difference: Difference, baseline: Arm, configuration: str) -> bool:
    """Whether a difference from a baseline that the user named is its network, and the baseline is such a rival."""
    if baseline.trainer.startswith(_PRIMUS):
        return difference.setting in _PRIMUS_TRAINING
    architecture = all_entries(baseline.runs[0].plans, configuration).get("architecture", {})
    if str(architecture.get("network_class_name")).endswith(_RESIDUAL_ENCODER):
        return difference.setting.split(".")[0] in _NETWORK
    return False
