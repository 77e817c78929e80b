"""The U-Net of the LLM4Seg paper, 2D: batch norm, max pooling, nearest upsampling.

Source: LLM4Seg (arXiv 2506.18034) after Ronneberger et al. (arXiv 1505.04597). 34,527,041 parameters for 3 channels in
and 1 out. The heads at the coarser scales, for deep supervision, are not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from nnunet_llm4seg.backbones.blocks import conv_norm_relu, upsampled
from nnunet_llm4seg.backbones.contract import Backbone, Decoder, Encoder, refuse_other_topology, refuse_wrong_lengths


class UNet(Backbone):
    """Two 3x3 convolutions at each stage, skips concatenated.

    Args:
        input_channels: Of the image.
        num_classes: Channels of the logits.
        features_per_stage: Channels of each stage, largest grid first.
        deep_supervision: See `Decoder`.
        n_stages: Must be the number of `features_per_stage` if given.
        strides: Must be 1 and then 2 along both axes if given.

    Raises:
        ConfigError: an argument is not allowed for this network.

    Shapes: (B, input_channels, H, W) in, H and W multiples of 2 ** (stages - 1); `Decoder`'s out.

    >>> import torch
    >>> UNet(3, 1, features_per_stage=(4, 8))(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        *,
        features_per_stage: Sequence[int] = (64, 128, 256, 512, 1024),
        deep_supervision: bool = False,
        n_stages: int | None = None,
        strides: Sequence | None = None,
    ) -> None:
        features = list(features_per_stage)
        refuse_wrong_lengths("UNet", max(len(features), 2), features_per_stage=features)
        refuse_other_topology("UNet", len(features), 2, n_stages, strides)
        stages = [_two_convolutions(input_channels, features[0])]
        for below, width in pairwise(features):
            stages.append(nn.Sequential(nn.MaxPool2d(2), *_two_convolutions(below, width)))
        encoder = Encoder(stages, features, spatial_dims=2)
        widths = features[-2::-1]
        decoder = Decoder(
            encoder,
            [_Up(deeper, width) for deeper, width in zip(features[::-1], widths, strict=False)],
            [nn.Conv2d(width, num_classes, 1) for width in widths],
            deep_supervision,
        )
        super().__init__(encoder, decoder)


def _two_convolutions(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(conv_norm_relu(channels, width), conv_norm_relu(width, width))


class _Up(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.up = upsampled("nearest", channels, width)
        self.convolutions = _two_convolutions(2 * width, width)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.convolutions(torch.cat((skip, self.up(x)), dim=1))
