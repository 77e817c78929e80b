"""What each arm costs: parameters, FLOPs and latency of one patch, checkpoint size, seconds per epoch.

Networks are built by nnU-Net's own finder and the arm's own trainer class, so whatever nnU-Net can
predict with can be measured; nothing of this package's training code is imported.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from nnunet_llm4seg.errors import first_line
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run

_ROUNDS = 20
_SECONDS = 60.0


@dataclass
class Cost:
    """One arm's cost; None if it could not be measured; then `note` says why."""

    trainable_parameters: int | None = None
    parameters: int | None = None
    flops: int | None = None
    checkpoint_bytes: int | None = None
    seconds_per_epoch: float | None = None
    peak_memory_mb: float | None = None
    latency_ms: float | None = None
    device: str = ""
    note: str = ""


def measure_costs(arms: Sequence[Arm], configuration: str, fold: int) -> dict[str, dict[str, Any]]:
    """Costs by arm name, from each arm's first run of `fold`; latencies are timed interleaved."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    costs: dict[str, Cost] = {}
    networks = {}
    for arm in arms:
        costs[arm.name] = cost = recorded(arm.runs[0], fold)
        try:
            network, patch = build_network(arm, configuration, fold)
            cost.parameters = sum(p.numel() for p in network.parameters())
            cost.trainable_parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
            cost.flops = count_flops(network, patch)
            networks[arm.name] = (network.to(device), patch.to(device))
            time_interleaved({arm.name: networks[arm.name]}, rounds=1)  # do all networks fit in memory together?
            cost.device = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
        except Exception as error:  # a report without this arm's network is better than none
            networks.pop(arm.name, None)
            cost.note = f"network not measured: {type(error).__name__}: {first_line(error)[:120]}"
    for name, milliseconds in time_interleaved(networks).items():
        costs[name].latency_ms = milliseconds
    return {name: asdict(cost) for name, cost in costs.items()}


def build_network(arm: Arm, configuration: str, fold: int) -> tuple[Any, Any]:
    """The network of the arm's first run, in eval mode on the CPU, and one random patch (1, C, *patch_size)."""
    import torch
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from nnunet_llm4seg.nnunet.checkpoints import read_checkpoint

    run = arm.runs[0]
    dataset = run.dataset
    plans = PlansManager(deepcopy(run.plans))
    chosen = plans.get_configuration(configuration)
    channels = determine_num_input_channels(plans, chosen, dataset)
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    with redirect_stdout(StringIO()):  # nnU-Net prints where it searches
        trainer = recursive_find_trainer_class_by_name(arm.trainer)
    network = trainer.build_network_architecture(plans, chosen, channels, heads, enable_deep_supervision=False)
    saved = read_checkpoint(run.checkpoint(fold))
    network.load_state_dict(saved["network_weights"])
    patch = torch.randn(1, channels, *chosen.patch_size, generator=torch.Generator().manual_seed(0))
    return network.eval(), patch


def count_flops(network: Any, patch: Any) -> int:
    """FLOPs of one forward pass, a multiply-add counted as two, by torch's own counter."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(patch)
    return counter.get_total_flops()


def time_interleaved(networks: dict[str, tuple[Any, Any]], rounds: int = _ROUNDS) -> dict[str, float]:
    """Median milliseconds of one forward pass; the arms alternate, so that drifts affect all alike."""
    import torch

    times: dict[str, list[float]] = {name: [] for name in networks}
    begin = time.perf_counter()
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for name, (network, patch) in networks.items():
                start = time.perf_counter()
                network(patch)
                if patch.is_cuda:
                    torch.cuda.synchronize()
                if turn:  # the first round warms up
                    times[name].append(1_000 * (time.perf_counter() - start))
            if turn and time.perf_counter() - begin > _SECONDS:
                break
    return {name: statistics.median(values) for name, values in times.items()}


def recorded(run: Run, fold: int) -> Cost:
    """What the files of one training tell: size of the checkpoint, time per epoch, memory."""
    log = run.log(fold)
    size = run.checkpoint(fold).stat().st_size
    seconds = statistics.median(log.seconds.values()) if log.seconds else None
    return Cost(checkpoint_bytes=size, seconds_per_epoch=seconds, peak_memory_mb=log.peak_memory_mb)
