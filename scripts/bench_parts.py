"""The parts of the benchmark that run on any device: a network with and without the bottleneck, the bottleneck
alone, and checkpoints. Every ratio compares two methods that alternate within one run."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
from bench_common import LAYER, alternate
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import nn

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck, inject

CLASSES = 3


def unet(dims: int, stages: int) -> PlainConvUNet:
    """nnU-Net's default network: two convolutions per stage, 32 features that double up to 512 (2D) or 320 (3D)."""
    widest = 512 if dims == 2 else 320
    return PlainConvUNet(
        input_channels=1,
        n_stages=stages,
        features_per_stage=[min(32 * 2**stage, widest) for stage in range(stages)],
        conv_op=nn.Conv2d if dims == 2 else nn.Conv3d,
        kernel_sizes=3,
        strides=[1] + [2] * (stages - 1),
        n_conv_per_stage=2,
        num_classes=CLASSES,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=nn.InstanceNorm2d if dims == 2 else nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=True,
    )


def with_bottleneck(network: nn.Module, folder: Path) -> nn.Module:
    return inject(network, LLM4SegConfig(model=str(folder), layer=LAYER))


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def training(network: nn.Module, shape: tuple[int, ...], device: torch.device) -> Callable[[], None]:
    """An iteration as nnU-Net's: AMP on GPUs, Dice and cross-entropy at every scale, clipped gradients, SGD."""
    image = torch.randn(shape, device=device)
    with torch.no_grad():
        sizes = [output.shape[2:] for output in network(image[:1])]
    targets = [torch.randint(0, CLASSES, (shape[0], 1, *size), device=device).float() for size in sizes]
    dice = {"batch_dice": shape[0] > 1, "smooth": 1e-5, "do_bg": False, "ddp": False}
    weights = [1 / 2**i for i in range(len(sizes) - 1)] + [0.0]
    loss = DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    loss = DeepSupervisionWrapper(loss, [weight / sum(weights) for weight in weights])
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, 1e-4, momentum=0.99, nesterov=True, weight_decay=3e-5)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")

    def iterate() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda"):
            value = loss(network(image), targets)
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, 12)
        scaler.step(optimizer)
        scaler.update()
        value.item()  # as nnU-Net does, which waits for the loss
        synchronise(device)

    return iterate


def prediction(network: nn.Module, shape: tuple[int, ...], device: torch.device) -> Callable[[], None]:
    """One patch through the network, as nnU-Net predicts."""
    image = torch.randn(1, *shape[1:], device=device)

    def predict() -> None:
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda"):
            network(image)
        synchronise(device)

    return predict


def compare_networks(
    folder: Path, cases: dict[str, tuple], device: torch.device, repeats: int, compiled: bool = False
) -> list[dict[str, object]]:
    """Part (b). `cases`: name -> (stages, shape of a batch)."""
    rows: list[dict[str, object]] = []
    for name, (stages, shape) in cases.items():
        for doing, make in (("training", training), ("prediction", prediction)):
            ways: dict[str, Callable[[], None]] = {}
            peaks: dict[str, float] = {}
            for arm in ("without", "with"):
                torch.manual_seed(0)
                plain = unet(len(shape) - 2, stages)
                if doing == "prediction":
                    plain.decoder.deep_supervision = False
                network = (with_bottleneck(plain, folder) if arm == "with" else plain).to(device)
                network.train(doing == "training")
                ways[arm] = _watched(make(_compiled(network, compiled), shape, device), arm, peaks, device)
            seconds = alternate(ways, repeats, warm_up=2)
            row: dict[str, object] = {
                "case": f"{name}, {doing}, {'x'.join(map(str, shape))}",
                "without / ms": 1000 * seconds["without"],
                "with / ms": 1000 * seconds["with"],
                "ratio": seconds["with"] / seconds["without"],
            }
            if device.type == "cuda":
                row["more memory / MB"] = (peaks["with"] - peaks["without"]) / 1e6
            rows.append(row)
    return rows


def _compiled(network: nn.Module, wanted: bool) -> nn.Module:
    return cast(nn.Module, torch.compile(network)) if wanted else network


def _watched(way: Callable[[], None], name: str, peaks: dict[str, float], device: torch.device) -> Callable[[], None]:
    """Record the peak of a GPU's memory during a method, beyond what was allocated before it."""
    if device.type != "cuda":
        return way

    def watched() -> None:
        torch.cuda.reset_peak_memory_stats(device)
        way()
        peaks[name] = torch.cuda.max_memory_allocated(device)

    return watched


class OfficialBlock(nn.Module):
    """The bottleneck as the official code runs it: float32, no mask (causal by sdpa), tables for one grid."""

    def __init__(self, block: LLMBottleneck, tokens: int, device: torch.device) -> None:
        super().__init__()
        self.adapter1, self.layer, self.adapter2 = block.adapter1, block.layer.block, block.adapter2
        n = torch.arange(tokens, dtype=torch.float32, device=device)[None, :, None]
        self.tables = (n.sin(), n.cos())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        grid = features.shape[2:]
        hidden = self.adapter1(features.flatten(2).transpose(1, 2))
        hidden = self.layer(hidden, position_embeddings=self.tables)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return self.adapter2(hidden).transpose(1, 2).unflatten(2, grid)


def compare_blocks(
    folder: Path, sides: list[int], device: torch.device, repeats: int, channels: int = 512, compiled: bool = False
) -> list[dict[str, object]]:
    """Part (c): one forward pass of a batch of 2 with side x side tokens."""
    ours = LLMBottleneck(channels, LLM4SegConfig(model=str(folder), layer=LAYER)).to(device)
    theirs = LLMBottleneck(channels, LLM4SegConfig(model=str(folder), layer=LAYER, dtype="float32")).to(device)
    network = _compiled(ours, compiled)
    rows: list[dict[str, object]] = []
    for side in sides:
        image = torch.randn(2, channels, side, side, device=device)
        official = OfficialBlock(theirs, side * side, device)
        ways = {"official": prediction_of(official, image), "ours": prediction_of(network, image)}
        seconds = alternate(ways, repeats, warm_up=2 if device.type == "cuda" else 1)
        rows.append(
            {
                "tokens": side * side,
                "official way / ms": 1000 * seconds["official"],
                "ours / ms": 1000 * seconds["ours"],
                "times faster": seconds["official"] / seconds["ours"],
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
