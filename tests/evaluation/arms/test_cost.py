import json

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet

from nnunet_llm4seg.evaluation.arms import cost as costs_module
from nnunet_llm4seg.evaluation.arms.cost import build_network, count_flops, measure_costs, time_interleaved
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run

KWARGS = {
    "n_stages": 2,
    "features_per_stage": [4, 8],
    "kernel_sizes": [[3, 3], [3, 3]],
    "strides": [[1, 1], [2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
}
NAMES = {
    "conv_op": "torch.nn.modules.conv.Conv2d",
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
    "nonlin": "torch.nn.LeakyReLU",
}


@pytest.fixture
def arm(tmp_path):
    """A vanilla arm with a real checkpoint of a tiny U-Net."""
    run = tmp_path / "nnUNetTrainer__nnUNetPlans__2d"
    (run / "fold_0").mkdir(parents=True)
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {**KWARGS, **NAMES},
        "_kw_requires_import": list(NAMES),
    }
    plans = {
        "dataset_name": "Dataset901_Fake",
        "plans_name": "nnUNetPlans",
        "label_manager": "LabelManager",
        "configurations": {"2d": {"patch_size": [16, 16], "architecture": architecture}},
    }
    dataset = {"channel_names": {"0": "a"}, "labels": {"background": 0, "mass": 1}, "file_ending": ".png"}
    (run / "plans.json").write_text(json.dumps(plans))
    (run / "dataset.json").write_text(json.dumps(dataset))
    modules = {"conv_op": torch.nn.Conv2d, "norm_op": torch.nn.InstanceNorm2d, "nonlin": torch.nn.LeakyReLU}
    network = PlainConvUNet(input_channels=1, num_classes=2, **KWARGS, **modules)
    torch.save({"network_weights": network.state_dict(), "current_epoch": 2}, run / "fold_0" / "checkpoint_final.pth")
    return Arm("nnUNetTrainer", "nnUNetPlans", (Run(run),)), network


def test_networks_are_built_by_nnunet_with_the_checkpoints_weights(arm):
    arm, original = arm
    network, patch = build_network(arm, "2d", 0)
    assert patch.shape == (1, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(network(patch), original.eval()(patch))


def test_costs_are_measured(arm):
    arm, original = arm
    cost = measure_costs([arm], "2d", 0)[arm.name]
    assert cost["parameters"] == cost["trainable_parameters"] == sum(p.numel() for p in original.parameters())
    assert cost["checkpoint_bytes"] == arm.runs[0].checkpoint(0).stat().st_size
    assert cost["flops"] > 0
    assert cost["latency_ms"] > 0
    assert cost["note"] == ""
    assert cost["seconds_per_epoch"] is None  # no log


def test_a_network_that_cannot_be_built_leaves_a_note(arm):
    arm, _ = arm
    unknown = Arm("nnUNetTrainerNobodyWrote", arm.plans_name, arm.runs)
    cost = measure_costs([unknown], "2d", 0)[unknown.name]
    assert cost["note"].startswith("network not measured")
    assert cost["flops"] is None
    assert cost["checkpoint_bytes"] > 0


def test_a_network_that_does_not_fit_leaves_a_note_and_the_others_are_measured(arm, monkeypatch):
    arm, _ = arm
    other = Arm(arm.trainer, "OtherPlans", arm.runs)
    counted = []

    def out_of_memory_once(network, patch):
        counted.append(network)
        if len(counted) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
        return 1

    monkeypatch.setattr(costs_module, "count_flops", out_of_memory_once)
    costs = measure_costs([arm, other], "2d", 0)
    assert costs[arm.name]["note"] == "network not measured: OutOfMemoryError: CUDA out of memory."
    assert costs[arm.name]["latency_ms"] is None
    assert costs[other.name]["latency_ms"] > 0


def test_flops_of_a_linear_layer_count_multiply_and_add():
    assert count_flops(torch.nn.Linear(10, 20, bias=False), torch.zeros(1, 10)) == 2 * 10 * 20


def test_arms_take_turns():
    order = []

    class Records(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def forward(self, x):
            order.append(self.name)
            return x

    times = time_interleaved({name: (Records(name), torch.zeros(1)) for name in "ab"})
    assert times.keys() == {"a", "b"}
    assert order[:6] == list("ababab")
