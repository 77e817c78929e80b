"""What nnU-Net and `inject` expect of a network: an encoder and a decoder with the attributes of nnU-Net's own.

The attributes are those of `dynamic_network_architectures`, whose networks nnU-Net generates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from nnunet_llm4seg.errors import ConfigError


class Encoder(nn.Module):
    """Stages in a row, each of which halves the grid of the one before it; the first keeps it.

    Attributes:
        output_channels: Of each stage, largest grid first.
        strides: Of each stage along each axis.

    Shapes: (B, input_channels, *patch) in; a list of (B, output_channels[s], *grid_s) out, largest grid first.
    """

    def __init__(self, stages: Iterable[nn.Module], output_channels: Sequence[int], spatial_dims: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.output_channels = list(output_channels)
        self.strides = own_strides(len(self.output_channels), spatial_dims)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        skips = []
        for stage in self.stages:
            image = stage(image)
            skips.append(image)
        return skips

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Numbers that the convolutions put out for one image of this size, (z,) y, x."""
        channels = next(module for module in self.modules() if isinstance(module, _ConvNd)).in_channels
        return _convolution_outputs(self, lambda batch: [torch.empty(batch, channels, *input_size, device="meta")])


class Decoder(nn.Module):
    """Stages in a row, each of which takes the output of the one before it and the skip of twice its grid.

    Each stage has a head. The heads at the coarser scales serve deep supervision alone. All of them are in the state
    dict in any case, so that a checkpoint loads with and without deep supervision; without it the coarser ones are
    buffers, which are not trained, not counted as parameters and not waited for by distributed training.

    Attributes:
        deep_supervision: Whether the output of all heads is returned. nnU-Net switches it.

    Args:
        encoder: Its attributes describe the skips; it is not kept.
        stages: Coarsest first; `stage(x, skip)`.
        seg_layers: The heads, coarsest first. The name is nnU-Net's, whose `-pretrained_weights` omits these.

    Shapes: the encoder's list in; logits (B, classes, *patch) out, or, with deep supervision, a list of the logits of
    all scales but the coarsest of the encoder, largest grid first.
    """

    def __init__(
        self, encoder: Encoder, stages: Iterable[nn.Module], seg_layers: Iterable[nn.Module], deep_supervision: bool
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.seg_layers = nn.ModuleList(seg_layers)
        self.deep_supervision = deep_supervision
        self._skip_channels, self._skip_strides = encoder.output_channels, encoder.strides
        if not deep_supervision:
            for head in self.seg_layers[:-1]:
                _parameters_to_buffers(head)

    def forward(self, skips: Sequence[torch.Tensor]) -> torch.Tensor | list[torch.Tensor]:
        x, logits = skips[-1], []
        for stage, head, skip in zip(self.stages, self.seg_layers, reversed(skips[:-1]), strict=True):
            x = stage(x, skip)
            if self.deep_supervision:
                logits.append(head(x))
        return logits[::-1] if self.deep_supervision else self.seg_layers[-1](x)

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """As the encoder's; `input_size` is that of the encoder's input."""

        def skips(batch: int) -> list[list[torch.Tensor]]:
            size, features = list(input_size), []
            for channels, strides in zip(self._skip_channels, self._skip_strides, strict=True):
                size = [edge // stride for edge, stride in zip(size, strides, strict=True)]
                features.append(torch.empty(batch, channels, *size, device="meta"))
            return [features]

        return _convolution_outputs(self, skips)


class Backbone(nn.Module):
    """A network of an encoder and a decoder, as nnU-Net trains it and `inject` takes it.

    Shapes: (B, input_channels, *patch) in; the decoder's output.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, image: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        return self.decoder(self.encoder(image))

    def compute_conv_feature_map_size(self, input_size: Sequence[int]) -> int:
        """Numbers that the convolutions put out for one image of this size, (z,) y, x."""
        return self.encoder.compute_conv_feature_map_size(input_size) + self.decoder.compute_conv_feature_map_size(
            input_size
        )


def own_strides(stages: int, spatial_dims: int) -> list[list[int]]:
    """The strides of an encoder that halves the grid from stage to stage."""
    return [[1] * spatial_dims] + [[2] * spatial_dims for _ in range(stages - 1)]


def refuse_other_topology(
    network: str, stages: int, spatial_dims: int, n_stages: int | None, strides: Sequence | None
) -> None:
    """Refuse a topology in plans that the network does not have; None means that it is not given.

    nnU-Net reads the scales of deep supervision from the plans, not from the network.

    Raises:
        ConfigError: `n_stages` or `strides` is not the network's own.
    """
    if n_stages is not None and n_stages != stages:
        raise ConfigError(
            f"n_stages: {n_stages} is not allowed, this {network} has {stages}; omit it, or make the plans with "
            "`llm4seg plan --backbone`."
        )
    own = own_strides(stages, spatial_dims)
    if strides is not None:
        given = [[stride] * spatial_dims if isinstance(stride, int) else list(stride) for stride in strides]
        if given != own:
            raise ConfigError(
                f"strides: {given} is not allowed, this {network} has {own}; omit them, or make the plans with "
                "`llm4seg plan --backbone`."
            )


def refuse_wrong_lengths(network: str, expected: int, **given: Sequence[int]) -> None:
    """Refuse a list that does not have one positive whole number for each part of the network.

    Raises:
        ConfigError: one of `given` has a different length or contains something else.
    """
    for field, values in given.items():
        if len(values) != expected or any(not isinstance(value, int) or value < 1 for value in values):
            raise ConfigError(
                f"{field}: {list(values)} is not allowed; this {network} needs {expected} positive whole numbers."
            )


def refuse_even_kernels(network: str, kernel_sizes: Iterable[int]) -> None:
    """Refuse a kernel that has no centre.

    Raises:
        ConfigError: a kernel size is even or not positive.
    """
    for size in kernel_sizes:
        if size < 1 or size % 2 == 0:
            raise ConfigError(f"kernel size: {size} is not allowed; {network} needs odd ones, such as 3 or 7.")


def _parameters_to_buffers(module: nn.Module) -> None:
    for child in module.modules():
        for name, parameter in list(child.named_parameters(recurse=False)):
            delattr(child, name)
            child.register_buffer(name, parameter.detach())


def _convolution_outputs(module: nn.Module, inputs: Callable[[int], list[Any]]) -> int:
    """Numbers that the convolutions inside `module` put out for one image, counted without memory or computation."""
    batch = 2  # batch norm refuses a single value for each channel
    outputs: list[int] = []
    hooks = [
        part.register_forward_hook(lambda _part, _inputs, output: outputs.append(output.numel()))
        for part in module.modules()
        if isinstance(part, _ConvNd)
    ]
    shapes = {name: tensor.to("meta") for name, tensor in module.state_dict().items()}
    try:
        with torch.no_grad():
            torch.func.functional_call(module, shapes, tuple(inputs(batch)))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(outputs) // batch
