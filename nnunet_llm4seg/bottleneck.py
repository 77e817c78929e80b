"""LLMBottleneck: one LLM layer as a module for feature maps, usable in anybody's network.

Source: LLM4Seg (arXiv 2506.18034). The preset `paper` computes what its official code computes:
flatten the grid, Linear(C -> D), one decoder layer, Linear(D -> C), reshape. It deviates where that code cannot
work elsewhere: any grid, 2D and 3D, no CUDA needed, only one layer's tensors read, precision set explicitly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import LayerMismatchError, LayerNotLoadedError, LLM4SegError
from nnunet_llm4seg.llm.description import describe
from nnunet_llm4seg.llm.layer import build_layer, run_layer
from nnunet_llm4seg.llm.positions import Tables, attention_mask, rotary_frequencies, rotary_tables
from nnunet_llm4seg.llm.source import LayerSpec, Tensors, initial_tensors, prepare_layer
from nnunet_llm4seg.llm.tensors import DTYPES, layer_sha256
from nnunet_llm4seg.precision import compute_dtype, island


class LLMBottleneck(nn.Module):
    """Send every position of a feature map as a token through one layer of a language model.

    Shapes: (B, C, H, W) or (B, C, D, H, W) in, the same out, in the dtype that came in; any grid.

    Args:
        channels: C, the channels of the feature map.
        config: What is injected and how.
        spec: The layer's identity, where it is known already: then only a skeleton is built, and the tensors
            come from `load_state_dict` or `load_layer`. Without it the model is looked up and the layer is
            loaded at once.

    State-dict keys: `adapter1.*` (Linear C -> D), `layer.*` (the names of `transformers`), `adapter2.*`
    (Linear D -> C) and, if `residual` is `gated`, `gate` (one number).

    Attributes:
        finite: After a forward pass, a boolean tensor: whether the output was finite before any clamping.

    Raises:
        LLM4SegError: see `llm.source.prepare_layer`.
    """

    def __init__(self, channels: int, config: LLM4SegConfig, *, spec: LayerSpec | None = None) -> None:
        super().__init__()
        tensors = None
        if spec is None:
            spec, tensors = prepare_layer(config)
        self.config, self.spec = config, spec
        description = describe(spec.model_config, config.layer)
        self.window = description.window
        self.frequencies = rotary_frequencies(spec.model_config, config.positions, config.layer)
        hidden = description.hidden_size
        self.adapter1 = nn.Linear(channels, hidden)
        self.layer = build_layer(spec.model_config, config.layer)
        self.adapter2 = nn.Linear(hidden, channels)
        if config.residual == "gated":
            self.gate = nn.Parameter(torch.zeros(1))
        self.layer.requires_grad_(config.trainable)
        self.loaded = False
        self.finite: torch.Tensor | None = None
        self._settle()
        self.register_state_dict_post_hook(_store_layer)
        self.register_load_state_dict_pre_hook(_check_incoming)
        self.train()
        if tensors is not None:
            self._take(tensors)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C, *grid) -> (B, C, *grid)."""
        if not self.loaded:
            raise LayerNotLoadedError(
                "the LLM layer was never loaded, so its output would be noise; load a checkpoint that holds it "
                "(load_state_dict) or the layer itself (load_layer) before running the network."
            )
        grid = features.shape[2:]
        device = features.device
        with island(device.type, self.compute_dtype):
            tokens = features.flatten(2).transpose(1, 2).to(torch.float32)  # (B, N, C)
            hidden = self.adapter1(tokens)  # (B, N, D)
            mask, tables = self._mask_and_tables(grid, hidden.dtype, device)
            hidden = run_layer(self.layer, hidden, mask, tables)
            update = self.adapter2(hidden).transpose(1, 2).unflatten(2, grid).float()  # (B, C, *grid)
            output = features + self.gate * update if self.config.residual == "gated" else update
            self.finite = torch.isfinite(output.detach()).all()
            limit = torch.finfo(features.dtype).max
            return output.clamp(-limit, limit).to(features.dtype).contiguous()  # the decoder keeps its layout

    def load_layer(self, tensors: Tensors) -> None:
        """Fill the layer with its initial tensors (names without prefix), checked by sha256.

        Raises:
            LayerMismatchError: they are not the tensors that the spec names.
        """
        self._verify(tensors)
        with torch.no_grad():
            for name, parameter in self.layer.named_parameters():
                parameter.copy_(tensors[name])
        self.loaded = True

    def _take(self, tensors: Tensors) -> None:
        """Fill the layer with tensors that nobody else uses, and empty `tensors`: none is held twice."""
        with torch.no_grad():
            for name, parameter in self.layer.named_parameters():
                tensor = tensors.pop(name)
                if (tensor.dtype, tensor.device) == (parameter.dtype, parameter.device):
                    parameter.data = tensor
                else:
                    parameter.copy_(tensor)
        self.loaded = True

    def stored_layer(self) -> Tensors:
        """The layer's tensors by name as a checkpoint stores them: the file's dtype if frozen, else float32."""
        return {name: p.detach().to(self._stored_dtype(name)) for name, p in self.layer.named_parameters()}

    def train(self, mode: bool = True) -> LLMBottleneck:
        """As nn.Module, but a frozen layer stays in eval mode."""
        super().train(mode)
        if not self.config.trainable:
            self.layer.eval()
        return self

    def _mask_and_tables(
        self, grid: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> tuple[torch.Tensor, Tables]:
        """The mask and the rotary tables of a grid; the last grid's are kept, as patches are of one size.

        A compiled network makes them inside its one graph, which then needs no state.
        """
        if torch.compiler.is_compiling():
            return self._make_mask_and_tables(grid, dtype, device)
        key = (tuple(grid), dtype, device)
        if self._made is None or self._made[0] != key:
            with torch.inference_mode(False):  # what prediction made must serve training too
                self._made = (key, *self._make_mask_and_tables(grid, dtype, device))
        return self._made[1:]

    def _make_mask_and_tables(
        self, grid: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> tuple[torch.Tensor, Tables]:
        mask = attention_mask(self.config.attention, math.prod(grid), dtype, device, self.window)
        return mask, rotary_tables(self.config.positions, grid, self._turns, device)

    def _apply(self, fn, recurse: bool = True):
        super()._apply(fn, recurse)
        self._settle()
        return self

    def _settle(self) -> None:
        """Hold each of the layer's parameters in the dtype in which this device computes, where that is exact."""
        device = self.adapter1.weight.device
        self.compute_dtype = compute_dtype(self.config.dtype, device)
        self._made = None
        self._turns = torch.tensor(self.frequencies, device=device)  # on the device once, in float32 whatever comes
        for name, parameter in self.layer.named_parameters():
            exact = self._stored_dtype(name) == self.compute_dtype
            dtype = self.compute_dtype if exact else torch.float32
            if parameter.dtype != dtype:
                parameter.data = parameter.data.to(dtype) if self.loaded else torch.empty_like(parameter, dtype=dtype)

    def _stored_dtype(self, name: str) -> torch.dtype:
        return torch.float32 if self.config.trainable else DTYPES[self.spec.dtypes[name]]

    def _verify(self, tensors: Tensors) -> None:
        found = layer_sha256(tensors)
        if found != self.spec.sha256:
            raise LayerMismatchError(
                f"the layer offered has sha256 {found}, but the plans name {self.spec.sha256} "
                f"(layer {self.config.layer} of {self.config.model}, weights {self.config.weights}); "
                "use the files or the checkpoint that this model was first trained with."
            )


def _store_layer(module: LLMBottleneck, state: dict, prefix: str, local_metadata: dict) -> None:
    """In a state dict the layer has its stored dtype, or is left out if it is only referred to by sha256."""
    referred = not (module.config.embed_weights or module.config.trainable)
    for name, tensor in module.stored_layer().items():
        if referred:
            del state[f"{prefix}layer.{name}"]
        else:
            state[f"{prefix}layer.{name}"] = tensor


def _check_incoming(module: LLMBottleneck, state: dict, prefix: str, *_: object) -> None:
    """Before a state dict is loaded: a frozen layer must be the one that the spec names, in it or found elsewhere."""
    keys = {name: f"{prefix}layer.{name}" for name in module.spec.dtypes}
    if not module.config.trainable and f"{prefix}adapter1.weight" in state and not state.keys() & keys.values():
        found = module.stored_layer() if module.loaded else _look_up(module)
        state.update({keys[name]: tensor for name, tensor in found.items()})
    if not state.keys() >= set(keys.values()):
        return  # load_state_dict names what is missing
    incoming = {name: state[key] for name, key in keys.items()}
    if not module.config.trainable and not _is_held(module, incoming):
        module._verify(incoming)
    module.loaded = True


def _look_up(module: LLMBottleneck) -> Tensors:
    """The layer of a checkpoint that refers to it by sha256 only."""
    try:
        return initial_tensors(module.config, module.spec)
    except LLM4SegError as error:
        raise type(error)(
            f"this checkpoint refers to its LLM layer by sha256 {module.spec.sha256} and does not hold it; {error}"
        ) from error


def _is_held(module: LLMBottleneck, incoming: Tensors) -> bool:
    """Whether the verified layer already has exactly these values (cheaper than hashing for every case)."""
    return module.loaded and all(
        tensor.dtype == incoming[name].dtype and torch.equal(tensor, incoming[name].to(tensor.device))
        for name, tensor in module.stored_layer().items()
    )
