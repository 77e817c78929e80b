"""A network with and without the bottleneck, on any device. Each is measured alone, with nothing else in memory."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import torch
from bench_common import LAYER
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import nn

from nnunet_llm4seg import LLM4SegConfig, inject

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


def training(
    network: nn.Module, shape: tuple[int, ...], device: torch.device, compiled: bool = False
) -> Callable[[], None]:
    """An iteration as nnU-Net's: AMP on GPUs, Dice and cross-entropy at every scale, clipped gradients, SGD.

    A compiled network sees one batch size only, as in nnU-Net: another one before would make the graph's symbolic.
    """
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
    network = compile_if(compiled, network)

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


def prediction(
    network: nn.Module, shape: tuple[int, ...], device: torch.device, compiled: bool = False
) -> Callable[[], None]:
    """One patch through the network, as nnU-Net predicts."""
    network = compile_if(compiled, network)
    image = torch.randn(1, *shape[1:], device=device)

    def predict() -> None:
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda"):
            network(image)
        synchronise(device)

    return predict


# without, with, with, without: what changes on the machine in the meantime affects both
_PHASES = ("without", "with", "with", "without")


def compare_networks(
    folder: Path, cases: dict[str, tuple], device: torch.device, repeats: int, compiled: bool = False
) -> list[dict[str, object]]:
    """Part (b). `cases`: name -> (stages, shape of a batch); `repeats`: of each network, over its two phases."""
    rows: list[dict[str, object]] = []
    for name, (stages, shape) in cases.items():
        for doing, make in (("training", training), ("prediction", prediction)):
            seconds: dict[str, list[float]] = {arm: [] for arm in _PHASES}
            peaks: dict[str, float] = dict.fromkeys(_PHASES, 0.0)
            for arm in _PHASES:
                build = partial(_network, arm, stages, len(shape) - 2, doing, folder, device)
                way = partial(make, shape=shape, device=device, compiled=compiled)
                taken, peak = alone(build, way, -(-repeats // 2), device)
                seconds[arm] += taken
                peaks[arm] = max(peaks[arm], peak)
            medians = {arm: statistics.median(values) for arm, values in seconds.items()}
            row: dict[str, object] = {
                "case": f"{name}, {doing}, {'x'.join(map(str, shape))}",
                "without / ms": 1000 * medians["without"],
                "with / ms": 1000 * medians["with"],
                "ratio": medians["with"] / medians["without"],
            }
            if device.type == "cuda":
                row["without / MB"] = peaks["without"] / 1e6
                row["more memory / MB"] = (peaks["with"] - peaks["without"]) / 1e6
            rows.append(row)
    return rows


def alone(
    build: Callable[[], nn.Module],
    make: Callable[[nn.Module], Callable[[], None]],
    repeats: int,
    device: torch.device,
    warm_up: int = 2,
) -> tuple[list[float], float]:
    """Seconds of each of `repeats` calls of what `make` returns for the built network, and a GPU's peak in bytes.

    The peak is over everything: weights, momentum, activations. What was made is freed before this returns, so that
    the next network does not share the device with it.
    """
    before = 0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    way = make(build())
    seconds = []
    for turn in range(warm_up + repeats):
        start = time.perf_counter()
        way()
        if turn >= warm_up:
            seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) - before if device.type == "cuda" else 0
    del way
    torch.compiler.reset()  # compiled graphs hold their networks
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return seconds, float(peak)


def _network(arm: str, stages: int, dims: int, doing: str, folder: Path, device: torch.device) -> nn.Module:
    torch.manual_seed(0)
    plain = unet(dims, stages)
    if doing == "prediction":
        plain.decoder.deep_supervision = False
    network = (with_bottleneck(plain, folder) if arm == "with" else plain).to(device)
    return network.train(doing == "training")


def compile_if(wanted: bool, network: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(network)) if wanted else network
