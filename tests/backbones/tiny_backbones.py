"""The backbones at tiny widths, with a patch that each of them takes."""

import torch

from nnunet_llm4seg import backbones

# name -> class, arguments, patch
TINY = {
    "unet": ("UNet", {"features_per_stage": (4, 4, 6, 6, 8)}, (32, 48)),
    "cmunext": ("CMUNeXt", {"features_per_stage": (4, 4, 6, 6, 8), "n_blocks_per_stage": (1, 1, 1, 2, 1)}, (32, 48)),
    "mednext-2d": (
        "MedNeXt",
        {
            "features": 4,
            "n_blocks_per_stage": (1,) * 9,
            "strides": [[1, 1]] + [[2, 2]] * 4,
            "expansion_ratios": (2, 3, 4, 4, 4, 4, 4, 3, 2),
        },
        (32, 48),
    ),
    "mednext-3d": ("MedNeXt", {"features": 2, "n_blocks_per_stage": (1,) * 9, "kernel_size": 5}, (32, 16, 32)),
    "uxnet": (
        "UXNet",
        {"features_per_stage": (4, 4, 4, 6), "hidden": 8, "n_blocks_per_stage": (1, 1, 2, 1)},
        (32, 16, 32),
    ),
}
SCALES = 4


def tiny(name: str, *, deep_supervision: bool = False, classes: int = 2) -> torch.nn.Module:
    torch.manual_seed(0)
    cls, arguments, _ = TINY[name]
    return getattr(backbones, cls)(2, classes, **arguments, deep_supervision=deep_supervision)


def image(name: str, batch: int = 2) -> torch.Tensor:
    """(batch, 2, *patch)"""
    return torch.randn(batch, 2, *TINY[name][2], generator=torch.Generator().manual_seed(1))
