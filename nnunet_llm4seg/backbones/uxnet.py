"""3D UX-Net, 3D: a ConvNeXt of 7x7x7 depthwise kernels, and the convolutional decoder of UNETR of MONAI's blocks.

Source: Lee et al., 3D UX-Net (arXiv 2209.15076); 53,006,461 parameters for 1 channel in and 13 out. The heads at the
coarser scales, for deep supervision, are not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import UnetrBasicBlock, UnetrUpBlock
from torch import nn
from torch.nn import functional

from nnunet_llm4seg.backbones.contract import (
    Backbone,
    Decoder,
    Encoder,
    refuse_other_topology,
    refuse_wrong_lengths,
)


class UXNet(Backbone):
    """A residual block of UNETR on the image and on each of the ConvNeXt's four outputs; these are the skips.

    Args:
        input_channels: Of the image.
        num_classes: Channels of the logits.
        features_per_stage: Channels of the ConvNeXt's stages, at 1/2, 1/4, 1/8 and 1/16 of the grid; also of the
            skips at 1, 1/2, 1/4 and 1/8.
        n_blocks_per_stage: Blocks of the same stages.
        hidden: Channels at the bottleneck, 1/16 of the grid, where an LLM layer goes.
        deep_supervision: See `Decoder`.
        n_stages: Must be 5 if given: four skips and the bottleneck.
        strides: Must be 1 and then 2 along three axes if given.

    Raises:
        ConfigError: an argument is not allowed for this network.

    Shapes: (B, input_channels, D, H, W) in, the sizes multiples of 16 and not all 16; `Decoder`'s out.

    >>> import torch
    >>> UXNet(1, 2, features_per_stage=(4, 4, 8, 8), hidden=16)(torch.zeros(1, 1, 32, 32, 32)).shape
    torch.Size([1, 2, 32, 32, 32])
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        *,
        features_per_stage: Sequence[int] = (48, 96, 192, 384),
        n_blocks_per_stage: Sequence[int] = (2, 2, 2, 2),
        hidden: int = 768,
        deep_supervision: bool = False,
        n_stages: int | None = None,
        strides: Sequence | None = None,
    ) -> None:
        features, blocks = list(features_per_stage), list(n_blocks_per_stage)
        refuse_wrong_lengths("UXNet", 4, features_per_stage=features, n_blocks_per_stage=blocks)
        refuse_wrong_lengths("UXNet", 1, hidden=[hidden])
        refuse_other_topology("UXNet", 5, 3, n_stages, strides)
        encoder = _UXEncoder(input_channels, features, blocks, hidden)
        widths = features[::-1]
        ups = [_Up(deeper, width) for deeper, width in zip([hidden, *widths], widths, strict=False)]
        ups[-1].block = _residual(widths[-1], widths[-1])
        heads = [nn.Conv3d(width, num_classes, 1) for width in widths]
        super().__init__(encoder, Decoder(encoder, ups, heads, deep_supervision))


class _UXEncoder(Encoder):
    """The ConvNeXt, and a residual block for each of its outputs and for the image."""

    def __init__(self, input_channels: int, features: list[int], blocks: list[int], hidden: int) -> None:
        channels = [*features, hidden]
        stages = []
        for stage, width in enumerate(features):
            if stage == 0:
                down = [nn.Conv3d(input_channels, width, 7, stride=2, padding=3), ChannelNorm(width)]
            else:
                down = [ChannelNorm(features[stage - 1]), nn.Conv3d(features[stage - 1], width, 2, stride=2)]
            stages.append(nn.Sequential(*down, *(_UXBlock(width) for _ in range(blocks[stage]))))
        super().__init__(stages, channels, spatial_dims=3)
        self.norms = nn.ModuleList(ChannelNorm(width) for width in features)
        self.blocks = nn.ModuleList(
            _residual(below, width) for below, width in zip([input_channels, *features], channels, strict=True)
        )

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        outputs = [image]
        for stage, norm in zip(self.stages, self.norms, strict=True):
            image = stage(image)
            outputs.append(norm(image))
        return [block(output) for block, output in zip(self.blocks, outputs, strict=True)]


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each voxel; (B, C, *grid) in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x.movedim(1, -1)  # (B, *grid, C)
        return functional.layer_norm(last, self.normalized_shape, self.weight, self.bias, self.eps).movedim(-1, 1)


class _UXBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv3d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelNorm(channels)
        # in groups of one channel, unlike ConvNeXt: channels mix in the residual blocks and between the stages only
        self.expand = nn.Conv3d(channels, 4 * channels, 1, groups=channels)
        self.compress = nn.Conv3d(4 * channels, channels, 1, groups=channels)
        self.scale = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.compress(functional.gelu(self.expand(self.norm(self.depthwise(x)))))
        return x + self.scale[:, None, None, None] * branch


def _residual(channels: int, width: int) -> UnetrBasicBlock:
    return UnetrBasicBlock(3, channels, width, kernel_size=3, stride=1, norm_name="instance", res_block=True)


class _Up(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.up = UnetrUpBlock(3, channels, width, 3, upsample_kernel_size=2, norm_name="instance", res_block=True)
        self.block: nn.Module = nn.Identity()  # of the last stage: another residual block

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.block(self.up(x, skip))
