"""Put an LLM layer behind a named module of any network, such as MONAI's, whose own parameters keep their names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.bottleneck import LLMBottleneck
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import NetworkError
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer

NAME = "llm_bottleneck"  # as a part of the network; some networks of MONAI have a `bottleneck` of their own


def inject_at(
    network: nn.Module,
    path: str,
    config: LLM4SegConfig,
    *,
    channels: int | None = None,
    spec: LayerSpec | None = None,
    prepared: PreparedLayer | None = None,
) -> nn.Module:
    """Send the output of a named module through an LLM layer.

    The network is changed in place: it gets the part `llm_bottleneck`, whose names in the state dict begin so; all
    other names stay. Copies, pickles and compiled networks keep the layer.

    Args:
        network: Any network.
        path: Name of the module, as `network.named_modules()` gives it. Its output must be a feature map
            (B, C, H, W) or (B, C, D, H, W).
        config: What is injected and how; `path` takes the place of `stage`.
        channels: C; without it, that of the last convolution in the module.
        spec, prepared: See `LLMBottleneck`.

    Returns:
        The same network.

    Raises:
        NetworkError: there is no such module, the network has an LLM layer already or is an `nn.Sequential`, C is not
            known, or `config` names a stage. A forward pass raises it if the module's output is something else, or if
            the network does not use the module.

    Example:
        >>> from nnunet_llm4seg.backbones import UNet
        >>> network = UNet(3, 2, features_per_stage=(4, 8))
        >>> network = inject_at(network, "encoder.stages.1", LLM4SegConfig(model="path/to/model", layer=14))
        >>> network(torch.zeros(1, 3, 16, 16)).shape
        torch.Size([1, 2, 16, 16])
    """
    kind = type(network).__name__
    if any(isinstance(module, LLMBottleneck) for module in network.modules()):
        raise NetworkError(f"the network {kind} contains an LLM layer already; inject into the vanilla network.")
    if isinstance(network, nn.Sequential):  # it would call the new part as its last one
        raise NetworkError(f"the network is a {kind}; put an LLMBottleneck between its parts instead.")
    if config.stage != -1:
        raise NetworkError(f"stage: {config.stage} means nothing here, where the module is named; leave it at -1.")
    module = _module(network, path)
    channels = channels or _channels(module)
    if channels is None:
        raise NetworkError(f"the module {path!r} of {kind} contains no convolution; give its channels, channels=C.")
    bottleneck = LLMBottleneck(channels, config, spec=spec, prepared=prepared)
    network.add_module(NAME, bottleneck)
    passage = _Passage(bottleneck, path, channels)
    _let_compile_see_hooks()
    network.register_forward_pre_hook(passage.begin)
    module.register_forward_hook(passage.through)
    network.register_forward_hook(passage.end)
    return network


class _Passage:
    """The hooks of one injection; bound methods, so that copies and pickles of a network keep them together."""

    def __init__(self, bottleneck: LLMBottleneck, path: str, channels: int) -> None:
        self.bottleneck, self.path, self.channels = bottleneck, path, channels
        self.passed = False

    def begin(self, network: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.passed = False

    def through(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> torch.Tensor:
        if not isinstance(output, torch.Tensor) or output.ndim < 4:
            found = f"of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
            raise NetworkError(
                f"the output of {self.path!r} is no feature map (B, C, H, W) or (B, C, D, H, W), but {found}; name "
                "another module."
            )
        if output.shape[1] != self.channels:
            raise NetworkError(
                f"the output of {self.path!r} has {output.shape[1]} channels, not {self.channels}; inject with "
                f"channels={output.shape[1]}."
            )
        self.passed = True
        return self.bottleneck(output)

    def end(self, network: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not self.passed:
            raise NetworkError(
                f"this forward pass of {type(network).__name__} did not use {self.path!r}, so nothing went through "
                "the LLM layer; name a module that it calls."
            )


def _let_compile_see_hooks() -> None:
    """Graphs of torch.compile look at no hooks by default; that of the vanilla network would serve this one."""
    import torch._dynamo  # takes seconds

    torch._dynamo.config.skip_nnmodule_hook_guards = False
    torch.compiler.reset()


def _module(network: nn.Module, path: str) -> nn.Module:
    modules = dict(network.named_modules())
    if path in modules and path:
        return modules[path]
    *_, parent = [start for start in _starts(path) if start in modules]
    children = ", ".join(name for name, _ in modules[parent].named_children()) or "none"
    inside = f"{parent!r} of " if parent else ""
    raise NetworkError(
        f"there is no module {path!r} in {type(network).__name__}; the modules in {inside}it are {children}."
    )


def _starts(path: str) -> list[str]:
    """`a.b` -> ``, `a`, `a.b`."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(len(parts) + 1)]


def _channels(module: nn.Module) -> int | None:
    """The output channels of the last convolution in a module."""
    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    found = [part.out_channels for part in module.modules() if isinstance(part, kinds)]
    return found[-1] if found else None
