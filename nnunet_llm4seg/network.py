"""Put an LLM layer into a network that nnU-Net generated. The network itself is not changed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import NetworkError
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer
from nnunet_llm4seg.tokens import refuse_missing_stage


class LLM4SegUNet(nn.Module):
    """A U-Net whose encoder output at one stage goes through an LLM layer.

    Keeps the attributes `encoder` and `decoder` and all state-dict keys of the wrapped network; the new
    keys begin with `bottleneck.`.

    Shapes: (B, channels, *patch) in; logits (B, classes, *patch) out, or a list of them, largest first, while
    `decoder.deep_supervision` is on.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, bottleneck: LLMBottleneck) -> None:
        super().__init__()
        self.encoder, self.decoder, self.bottleneck = encoder, decoder, bottleneck

    def forward(self, image: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        skips = list(self.encoder(image))  # [(B, C_s, *grid_s)], largest grid first
        stage = self.bottleneck.config.stage
        skips[stage] = self.bottleneck(skips[stage])
        return self.decoder(skips)

    def compute_conv_feature_map_size(self, input_size: Any) -> Any:
        """nnU-Net's estimate for the convolutions, those of the vanilla network."""
        parts: tuple[Any, Any] = (self.encoder, self.decoder)
        return sum(part.compute_conv_feature_map_size(input_size) for part in parts)


def inject(
    network: nn.Module,
    config: LLM4SegConfig,
    *,
    spec: LayerSpec | None = None,
    prepared: PreparedLayer | None = None,
) -> LLM4SegUNet:
    """Wrap a U-Net's encoder and decoder with an LLM layer between them.

    Args:
        network: A network with nnU-Net's contract: `encoder` returns the list of skips and has
            `output_channels`, `decoder` takes that list; nothing else has parameters.
        config: What is injected and how.
        spec, prepared: See `LLMBottleneck`.

    Raises:
        NetworkError: the network does not keep that contract.
        ConfigError: it has no such stage.

    Example:
        >>> from nnunet_llm4seg.backbones import UNet
        >>> network = inject(UNet(3, 2, features_per_stage=(4, 8)), LLM4SegConfig(model="path/to/model", layer=14))
        >>> network(torch.zeros(1, 3, 16, 16)).shape
        torch.Size([1, 2, 16, 16])
    """
    name = type(network).__name__
    if isinstance(network, LLM4SegUNet):
        raise NetworkError(f"the network {name} contains an LLM layer already; inject into the vanilla network.")
    encoder, decoder = getattr(network, "encoder", None), getattr(network, "decoder", None)
    channels = getattr(encoder, "output_channels", None)
    if not isinstance(encoder, nn.Module) or not isinstance(decoder, nn.Module) or channels is None:
        raise NetworkError(
            f"the network {name} has no encoder with output_channels and a decoder, as PlainConvUNet and "
            "ResidualEncoderUNet have; use LLMBottleneck inside it by hand instead."
        )
    others = [n for n, _ in network.named_parameters() if n.partition(".")[0] not in ("encoder", "decoder")]
    if others:
        raise NetworkError(
            f"the network {name} has parameters outside encoder and decoder ({others[0]}), which would be lost; "
            "use LLMBottleneck inside it by hand instead."
        )
    refuse_missing_stage(len(channels), config)
    bottleneck = LLMBottleneck(channels[config.stage], config, spec=spec, prepared=prepared)
    wrapped = LLM4SegUNet(encoder, decoder, bottleneck)
    for attribute in ("key_to_encoder", "key_to_stem", "keys_to_in_proj", "key_to_lpe"):
        if hasattr(network, attribute):  # what nnU-Net's own fine-tuning looks up
            setattr(wrapped, attribute, getattr(network, attribute))
    return wrapped
