"""CMUNeXt, 2D: large depthwise kernels in the encoder, skips fused by grouped convolutions.

Source: Tang et al., CMUNeXt (arXiv 2308.01239); 3,149,185 parameters for 3 channels in and 1 out. The heads at the
coarser scales, for deep supervision, are not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from nnunet_llm4seg.backbones.blocks import conv_gelu_norm, conv_norm_relu, upsampled
from nnunet_llm4seg.backbones.contract import (
    Backbone,
    Decoder,
    Encoder,
    refuse_even_kernels,
    refuse_other_topology,
    refuse_wrong_lengths,
)


class CMUNeXt(Backbone):
    """Blocks of a depthwise and two 1x1 convolutions; each stage's last convolution leads to its width.

    The small network of the publication has features (8, 16, 32, 64, 128), one block per stage and kernels
    (3, 3, 7, 7, 9); the large one (32, 64, 128, 256, 512), blocks (1, 1, 1, 6, 3) and kernels (3, 3, 7, 7, 7).

    Args:
        input_channels: Of the image.
        num_classes: Channels of the logits.
        features_per_stage: Channels of each stage's output, largest grid first.
        n_blocks_per_stage: Blocks of each stage.
        kernel_sizes: Of each stage's depthwise convolutions.
        deep_supervision: See `Decoder`.
        n_stages: Must be the number of `features_per_stage` if given.
        strides: Must be 1 and then 2 along both axes if given.

    Raises:
        ConfigError: an argument is not allowed for this network.

    Shapes: (B, input_channels, H, W) in, H and W multiples of 2 ** (stages - 1); `Decoder`'s out.

    >>> import torch
    >>> CMUNeXt(3, 1)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 1, 32, 32])
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        *,
        features_per_stage: Sequence[int] = (16, 32, 128, 160, 256),
        n_blocks_per_stage: Sequence[int] = (1, 1, 1, 3, 1),
        kernel_sizes: Sequence[int] = (3, 3, 7, 7, 7),
        deep_supervision: bool = False,
        n_stages: int | None = None,
        strides: Sequence | None = None,
    ) -> None:
        features, blocks, kernels = list(features_per_stage), list(n_blocks_per_stage), list(kernel_sizes)
        refuse_wrong_lengths("CMUNeXt", max(len(features), 2), features_per_stage=features)
        refuse_wrong_lengths("CMUNeXt", len(features), n_blocks_per_stage=blocks, kernel_sizes=kernels)
        refuse_even_kernels("CMUNeXt", kernels)
        refuse_other_topology("CMUNeXt", len(features), 2, n_stages, strides)
        stages = []
        for stage, width in enumerate(features):
            channels = features[max(stage - 1, 0)]
            first = nn.MaxPool2d(2) if stage else conv_norm_relu(input_channels, channels)
            inner = [_Block(channels, kernels[stage]) for _ in range(blocks[stage])]
            stages.append(nn.Sequential(first, *inner, conv_norm_relu(channels, width)))
        encoder = Encoder(stages, features, spatial_dims=2)
        widths = features[-2::-1]
        decoder = Decoder(
            encoder,
            [_Up(deeper, width) for deeper, width in zip(features[::-1], widths, strict=False)],
            [nn.Conv2d(width, num_classes, 1) for width in widths],
            deep_supervision,
        )
        super().__init__(encoder, decoder)


class _Block(nn.Module):
    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.depthwise = conv_gelu_norm(channels, channels, kernel_size, groups=channels)
        self.pointwise = nn.Sequential(
            conv_gelu_norm(channels, 4 * channels, 1), conv_gelu_norm(4 * channels, channels, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(x + self.depthwise(x))


class _Up(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.up = upsampled("bilinear", channels, width)
        self.fusion = nn.Sequential(
            conv_gelu_norm(2 * width, 2 * width, 3, groups=2),  # one group for the skip, one for what comes from below
            conv_gelu_norm(2 * width, 4 * width, 1),
            conv_gelu_norm(4 * width, width, 1),
        )

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.fusion(torch.cat((skip, self.up(x)), dim=1))
