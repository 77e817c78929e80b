"""The bottleneck alone, and checkpoints, on any device. Every ratio compares methods that alternate within one run."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from bench_common import LAYER, alternate
from bench_networks import compile_if, synchronise, unet
from torch import nn

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck, inject


class OfficialBlock(nn.Module):
    """The bottleneck as the official code runs it, in `dtype`: no mask (causal by sdpa), tables for one grid."""

    def __init__(
        self, block: LLMBottleneck, tokens: int, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        parts = (block.adapter1, block.layer.blocks[0], block.adapter2)
        self.adapter1, self.layer, self.adapter2 = (part.to(dtype) for part in parts)
        n = torch.arange(tokens, dtype=torch.float32, device=device)[None, :, None]
        self.tables = (n.sin().to(dtype), n.cos().to(dtype))
        self.dtype = dtype

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        grid = features.shape[2:]
        hidden = self.adapter1(features.flatten(2).transpose(1, 2).to(self.dtype))
        hidden = self.layer(hidden, position_embeddings=self.tables)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return self.adapter2(hidden).transpose(1, 2).unflatten(2, grid).to(features.dtype)


def compare_blocks(
    folder: Path, sides: list[int], device: torch.device, repeats: int, channels: int = 512, compiled: bool = False
) -> list[dict[str, object]]:
    """Part (c): one forward pass of a batch of 2 with side x side tokens; the official way in float32 and in bf16."""
    official = {"float32": torch.float32, "bf16": torch.bfloat16}
    ours = LLMBottleneck(channels, LLM4SegConfig(model=str(folder), layer=LAYER)).to(device)
    config = LLM4SegConfig(model=str(folder), layer=LAYER, dtype="float32")
    theirs = {name: LLMBottleneck(channels, config).to(device) for name in official}
    network = compile_if(compiled, ours)
    rows: list[dict[str, object]] = []
    for side in sides:
        image = torch.randn(2, channels, side, side, device=device)
        ways = {
            name: prediction_of(OfficialBlock(theirs[name], side * side, device, dtype), image)
            for name, dtype in official.items()
        }
        seconds = alternate(
            {**ways, "ours": prediction_of(network, image)}, repeats, warm_up=2 if device.type == "cuda" else 1
        )
        rows.append(
            {
                "tokens": side * side,
                "official way, float32 / ms": 1000 * seconds["float32"],
                "official way, bf16 / ms": 1000 * seconds["bf16"],
                "ours / ms": 1000 * seconds["ours"],
                "times faster than float32": seconds["float32"] / seconds["ours"],
                "than bf16": seconds["bf16"] / seconds["ours"],
            }
        )
    return rows


def prediction_of(module: nn.Module, image: torch.Tensor) -> Callable[[], None]:
    def run() -> None:
        with torch.inference_mode():
            module(image)
        synchronise(image.device)

    return run


def compare_checkpoints(folder: Path, repeats: int = 3) -> list[dict[str, object]]:
    """Part (d): the network weights of nnU-Net's default 2D network at 512x512, on the CPU."""
    rows: list[dict[str, object]] = []
    full = LLM4SegConfig(model=str(folder), layer=LAYER)
    slim = replace(full, embed_weights=False)
    for name, config in (("without", None), ("with", full), ("with, embed_weights: false", slim)):
        network = unet(2, 8) if config is None else inject(unet(2, 8), config)
        with tempfile.TemporaryDirectory() as folder_of_checkpoint:
            path = Path(folder_of_checkpoint) / "checkpoint.pth"
            seconds = alternate(
                {"save": partial(_save, network, path), "load": partial(_load, network, path)}, repeats
            )
            size = path.stat().st_size
        rows.append(
            {
                "network": name,
                "parameters / M": math.fsum(p.numel() for p in network.parameters()) / 1e6,
                "size / MB": size / 1e6,
                "save / s": seconds["save"],
                "load / s": seconds["load"],
            }
        )
    return rows


def _save(network: nn.Module, path: Path) -> None:
    torch.save(network.state_dict(), path)


def _load(network: nn.Module, path: Path) -> None:
    network.load_state_dict(torch.load(path, weights_only=True))
