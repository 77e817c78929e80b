"""Blocks that the paper's U-Net and CMUNeXt share, made of MONAI's `Convolution`."""

from __future__ import annotations

from typing import Literal

from monai.networks.blocks import Convolution
from torch import nn


def conv_norm_relu(channels: int, width: int) -> Convolution:
    """3x3 convolution with bias, batch norm, ReLU."""
    return Convolution(2, channels, width, adn_ordering="NA", norm="BATCH", act=("RELU", {"inplace": True}))


def conv_gelu_norm(channels: int, width: int, kernel_size: int, groups: int = 1) -> Convolution:
    """Convolution with bias, GELU, batch norm."""
    return Convolution(
        2, channels, width, kernel_size=kernel_size, groups=groups, adn_ordering="AN", act="GELU", norm="BATCH"
    )


def upsampled(mode: Literal["nearest", "bilinear"], channels: int, width: int) -> nn.Sequential:
    """Interpolation to twice the grid, then `conv_norm_relu`."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=mode), conv_norm_relu(channels, width))
