"""MedNeXt v1, 2D and 3D, as published, of MONAI's blocks.

Source: Roy et al., MedNeXt (arXiv 2303.09975). MONAI's whole network is not used: its down block i expands by the
ratio of stage i, the published one by that of stage i + 1, so they agree for the small network only; and it returns
several scales only in training mode, while nnU-Net relies on `decoder.deep_supervision`.

With deep supervision the published network has a fifth output, at the bottleneck. nnU-Net supervises all scales but
the coarsest, so it is omitted here. Residual connections in the down and up blocks are on, as in all published sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.networks.blocks.mednext_block import MedNeXtBlock, MedNeXtDownBlock, MedNeXtOutBlock, MedNeXtUpBlock
from torch import nn

from nnunet_llm4seg.backbones.contract import (
    Backbone,
    Decoder,
    Encoder,
    refuse_even_kernels,
    refuse_other_topology,
    refuse_wrong_lengths,
)
from nnunet_llm4seg.errors import ConfigError

LEVELS = 5


class MedNeXt(Backbone):
    """Five levels of depthwise convolutions with channel-wise group norm, 1x1 expansion, GELU and 1x1 compression.

    Published sizes, all with 32 features and kernels of 3 or 5: S as by default; B with ratios 2, 3, 4, 4, 4, 4, 4, 3,
    2; M with those and 3, 4, 4, 4, 4, 4, 4, 4, 3 blocks; L with 3, 4, 8, 8, 8, 8, 8, 4, 3 as ratios and as blocks.
    AdamW wants eps 1e-4 for this network under float16 autocast, as published.

    Args:
        input_channels: Of the image.
        num_classes: Channels of the logits.
        features: Channels at the largest grid; each level doubles them.
        expansion_ratios: Of the blocks of 4 encoder levels, the bottleneck and 4 decoder levels.
        kernel_size: Of the depthwise convolutions.
        n_blocks_per_stage: Blocks of the same nine parts.
        deep_supervision: See `Decoder`.
        n_stages: Must be 5 if given.
        strides: One list of 2 or 3 entries for each level, 1 and then 2; two entries make the network 2D. By default
            it is 3D.

    Raises:
        ConfigError: an argument is not allowed for this network.

    Shapes: (B, input_channels, (D,) H, W) in, the sizes multiples of 16; `Decoder`'s out.

    >>> import torch
    >>> MedNeXt(1, 2, features=4)(torch.zeros(1, 1, 16, 16, 32)).shape
    torch.Size([1, 2, 16, 16, 32])
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        *,
        features: int = 32,
        expansion_ratios: Sequence[int] = (2,) * 9,
        kernel_size: int = 3,
        n_blocks_per_stage: Sequence[int] = (2,) * 9,
        deep_supervision: bool = False,
        n_stages: int | None = None,
        strides: Sequence | None = None,
    ) -> None:
        ratios, blocks = list(expansion_ratios), list(n_blocks_per_stage)
        refuse_wrong_lengths("MedNeXt", 1, features=[features])
        refuse_wrong_lengths("MedNeXt", 2 * LEVELS - 1, expansion_ratios=ratios, n_blocks_per_stage=blocks)
        refuse_even_kernels("MedNeXt", [kernel_size])
        spatial_dims = _spatial_dims(strides)
        refuse_other_topology("MedNeXt", LEVELS, spatial_dims, n_stages, strides)
        common: dict[str, Any] = {
            "kernel_size": kernel_size,
            "use_residual_connection": True,
            "dim": f"{spatial_dims}d",
        }
        convolution = nn.Conv2d if spatial_dims == 2 else nn.Conv3d

        def level(part: int, width: int) -> list[nn.Module]:
            return [MedNeXtBlock(width, width, ratios[part], **common) for _ in range(blocks[part])]

        widths = [features * 2**depth for depth in range(LEVELS)]
        stages = [nn.Sequential(convolution(input_channels, features, 1), *level(0, features))]
        for depth in range(1, LEVELS):
            down = MedNeXtDownBlock(widths[depth - 1], widths[depth], ratios[depth], **common)
            stages.append(nn.Sequential(down, *level(depth, widths[depth])))
        encoder = Encoder(stages, widths, spatial_dims)
        ups = []
        for part, width in enumerate(widths[-2::-1], start=LEVELS):
            up = MedNeXtUpBlock(2 * width, width, ratios[part], **common)
            ups.append(_Up(up, nn.Sequential(*level(part, width))))
        heads = [MedNeXtOutBlock(width, num_classes, f"{spatial_dims}d") for width in widths[-2::-1]]
        super().__init__(encoder, Decoder(encoder, ups, heads, deep_supervision))


def _spatial_dims(strides: Sequence | None) -> int:
    """2 or 3, by the entries of the strides; 3 if there are no strides."""
    dims = {len(stride) for stride in strides or () if not isinstance(stride, int)} or {3}
    if dims not in ({2}, {3}):
        raise ConfigError(f"strides: {strides} is not allowed; give 2 or 3 entries for each level.")
    return dims.pop()


class _Up(nn.Module):
    def __init__(self, up: MedNeXtUpBlock, blocks: nn.Sequential) -> None:
        super().__init__()
        self.up, self.blocks = up, blocks

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.up(x) + skip)
