"""The backbones compute what the published code computes, and have as many parameters."""

import json
import math
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

from nnunet_llm4seg.backbones import CMUNeXt, MedNeXt, UNet, UXNet

B_RATIOS = (2, 3, 4, 4, 4, 4, 4, 3, 2)
M_BLOCKS = (3, 4, 4, 4, 4, 4, 4, 4, 3)
L_BOTH = (3, 4, 8, 8, 8, 8, 8, 4, 3)
# of the published MedNeXt for 1 channel in and 14 out, less a dummy number that it does not use
MEDNEXT = {
    ("S", 3): (5_551_310, {}),
    ("S", 5): (5_980_942, {}),
    ("B", 3): (10_526_702, {"expansion_ratios": B_RATIOS}),
    ("B", 5): (10_956_334, {"expansion_ratios": B_RATIOS}),
    ("M", 3): (17_549_358, {"expansion_ratios": B_RATIOS, "n_blocks_per_stage": M_BLOCKS}),
    ("M", 5): (18_261_230, {"expansion_ratios": B_RATIOS, "n_blocks_per_stage": M_BLOCKS}),
    ("L", 3): (61_779_662, {"expansion_ratios": L_BOTH, "n_blocks_per_stage": L_BOTH}),
    ("L", 5): (62_993_294, {"expansion_ratios": L_BOTH, "n_blocks_per_stage": L_BOTH}),
}


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def on_paper(cls: type, *arguments, **keywords) -> torch.nn.Module:
    """The network without memory."""
    with torch.device("meta"):
        return cls(*arguments, **keywords)


def test_the_defaults_have_the_published_number_of_parameters():
    assert parameters(on_paper(UNet, 3, 1)) == 34_527_041
    assert parameters(on_paper(CMUNeXt, 3, 1)) == 3_149_185
    assert parameters(on_paper(UXNet, 1, 13)) == 53_006_461


def test_the_small_and_the_large_cmunext_have_the_published_number_of_parameters():
    small = on_paper(
        CMUNeXt,
        3,
        1,
        features_per_stage=(8, 16, 32, 64, 128),
        n_blocks_per_stage=(1, 1, 1, 1, 1),
        kernel_sizes=(3, 3, 7, 7, 9),
    )
    large = on_paper(CMUNeXt, 3, 1, features_per_stage=(32, 64, 128, 256, 512), n_blocks_per_stage=(1, 1, 1, 6, 3))
    assert round(parameters(small) / 1e6, 3) == 0.418
    assert round(parameters(large) / 1e6, 2) == 8.29


@pytest.mark.parametrize(("size", "kernel"), MEDNEXT)
def test_every_size_of_mednext_has_the_published_number_of_parameters(size, kernel):
    expected, arguments = MEDNEXT[size, kernel]
    assert parameters(on_paper(MedNeXt, 1, 14, kernel_size=kernel, **arguments)) == expected


def fill_by_shape(network: torch.nn.Module) -> None:
    """Give each tensor values that follow from its shape alone, so that names and order do not matter."""
    with torch.no_grad():
        for tensor in network.parameters():
            i = torch.arange(tensor.numel(), dtype=torch.float64)
            if tensor.ndim > 1:
                values = torch.sin(0.37 * i + 0.1 * tensor.ndim) * math.sqrt(2 / (tensor.numel() / tensor.shape[0]))
            else:
                values = 0.3 + 0.1 * torch.sin(0.7 * i)
            tensor.copy_(values.view(tensor.shape))
        for name, tensor in network.named_buffers():
            i = torch.arange(tensor.numel(), dtype=torch.float64)
            if name.endswith("running_mean"):
                tensor.copy_(0.05 * torch.sin(i))
            elif name.endswith("running_var"):
                tensor.copy_(1 + 0.1 * torch.cos(i))


def build(case: dict, deep_supervision: bool) -> torch.nn.Module:
    arguments = (case["input_channels"], case["classes"])
    if case["class"] == "CMUNeXt":
        widths, blocks, kernels = case["widths"], case["depths"], case["kernels"]
        keywords = {"features_per_stage": widths, "n_blocks_per_stage": blocks, "kernel_sizes": kernels}
        return CMUNeXt(*arguments, **keywords, deep_supervision=deep_supervision)
    if case["class"] == "3D UX-Net":
        widths, blocks = case["widths"], case["depths"]
        keywords = {"features_per_stage": widths, "n_blocks_per_stage": blocks, "hidden": case["hidden"]}
        return UXNet(*arguments, **keywords, deep_supervision=deep_supervision)
    if case["class"] == "MedNeXt v1":
        ratios = case["expansion"] if isinstance(case["expansion"], list) else [case["expansion"]] * 9
        keywords = {"features": case["width"], "expansion_ratios": ratios, "kernel_size": case["kernel"]}
        return MedNeXt(*arguments, **keywords, n_blocks_per_stage=case["blocks"], deep_supervision=deep_supervision)
    return UNet(*arguments, features_per_stage=case["widths"], deep_supervision=deep_supervision)


@pytest.mark.parametrize("name", ["unet", "cmunext", "mednext", "mednext_b", "uxnet"])
@pytest.mark.parametrize("training", [False, True])
def test_the_output_is_that_of_the_published_code(shared, name, training):
    case = json.loads((shared / "golden/backbones" / name / "case.json").read_text())
    golden = load_file(shared / "golden/backbones" / name / "case.safetensors")
    expected = golden["train" if training else "eval"]
    for deep_supervision in (False, True):
        network = build(case, deep_supervision).train(training)
        fill_by_shape(network)
        with torch.no_grad():
            output = network(golden["input"])
        output = output[0] if deep_supervision else output
        assert (output - expected).norm() < 1e-4 * expected.norm()
        assert (output - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("name", ["unet", "cmunext", "mednext", "mednext_b", "uxnet"])
def test_the_shapes_are_those_of_the_published_code(shared, name):
    case = json.loads((shared / "golden/backbones" / name / "case.json").read_text())
    deep_supervision = case.get("deep_supervision", False)
    ours = Counter(tuple(p.shape) for p in build(case, deep_supervision).parameters())
    published = Counter(map(tuple, case["shapes"]))
    if deep_supervision:  # a dummy number, and the head at the bottleneck, which nnU-Net does not supervise
        classes = case["classes"]
        published -= Counter([(1,), (classes,), (16 * case["width"], classes, 1, 1, 1)])
    assert ours == published
