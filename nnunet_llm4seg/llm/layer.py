"""LLMLayer: one layer of a language model as a module, and everything that happens to its tensors.

They are filled in (from a model or a state dict), verified by sha256, kept in the precision in which the device
computes, and stored in the dtype in which they were published.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import LayerMismatchError, LayerNotLoadedError, LLM4SegError
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.dtypes import torch_dtype
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import Tensors
from nnunet_llm4seg.llm.positions import Tables, attention_mask, positions_on_an_axis, rotary_tables, rotation_of
from nnunet_llm4seg.llm.precision import Move, compute_dtype, island, keeps_values, moves_only
from nnunet_llm4seg.llm.rotary_scaling import Turns
from nnunet_llm4seg.llm.source import LayerSpec, PreparedLayer, prepare_known, prepare_layer


class LLMLayer(nn.Module):
    """Send tokens through one layer of a language model.

    Shapes: (B, N, D) in and out. The output has the dtype in which the layer computes.

    Args:
        config: Which layer, and how it is used.
        spec: The layer's identity, if it is known already: then only a skeleton is built, and the tensors come
            from `load_state_dict` or `fill`.
        prepared: The layer's tensors, if they were read already. Without these two the model is looked up.

    State-dict keys and names of parameters are those of `transformers`' layer, such as `self_attn.q_proj.weight`.

    Attributes:
        hidden_size: D.
        loaded: Whether the parameters hold the layer's values.
        compute_dtype: The dtype of the layer's matrix products on its present device.

    Raises:
        LLM4SegError: see `llm.source.prepare_layer`.

    Example:
        >>> layer = LLMLayer(LLM4SegConfig(model="path/to/model", layer=14))
        >>> layer(torch.randn(2, 100, layer.hidden_size)).shape == (2, 100, layer.hidden_size)
        True
    """

    def __init__(
        self, config: LLM4SegConfig, *, spec: LayerSpec | None = None, prepared: PreparedLayer | None = None
    ) -> None:
        super().__init__()
        if spec is None:
            prepared = prepared or prepare_layer(config)
            spec = prepared.spec
        self.config, self.spec = config, spec
        description = prepared.description if prepared else describe_layer(self.spec.model_config, config.layer)
        built = prepared.built if prepared and prepared.built else build_layer(description)
        self.hidden_size, self._window = description.hidden_size, description.window
        self._rotation = rotation_of(description, config.positions)
        self._built = built
        # its parts are this module's own, so that names and state-dict keys are those of `transformers`
        for held in ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set"):
            setattr(self, held, getattr(built.module, held))
        self.requires_grad_(config.trainable)
        self.loaded = False
        self._arriving: bool | None = None  # whether a state dict that is being loaded will fill every tensor
        self._made: tuple[Any, tuple[torch.Tensor, Tables]] | None = None
        self._settle()
        self.register_state_dict_post_hook(_store)
        self.register_load_state_dict_pre_hook(_check_incoming)
        self.register_load_state_dict_post_hook(_finish_loading)
        self.train()
        if prepared is not None:
            self.fill(prepared.tensors, prepared.spec.sha256)

    @property
    def block(self) -> nn.Module:
        """The layer of `transformers`' own class, with the same parameters."""
        return self._built.module

    def forward(self, tokens: torch.Tensor, grid: Sequence[int] | None = None) -> torch.Tensor:
        """(B, N, D) -> (B, N, D); `grid` is the arrangement of the tokens; without it, all N lie along one axis."""
        self.refuse_unloaded()
        if not tokens.shape[0]:
            return tokens  # `transformers` cannot reshape a batch of 0
        device = tokens.device
        with island(device.type, self.compute_dtype):
            mask, tables = self._mask_and_tables(tokens.shape[1:2] if grid is None else grid, tokens.dtype, device)
            return self._built(tokens, mask, tables)

    def fill(self, tensors: Tensors, sha256: str) -> None:
        """Take the layer's initial tensors; `tensors` is empty afterwards, so that none is held twice.

        Args:
            tensors: By name without prefix, in their stored dtype, in memory that nobody else uses.
            sha256: Of these tensors, as it was computed when they were read.

        Raises:
            LayerMismatchError: they are not the tensors that the spec names.
        """
        self._refuse_other(sha256)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.data = tensors.pop(name).to(device=parameter.device, dtype=parameter.dtype)
        self.loaded = self._is_real()

    def refuse_unloaded(self) -> None:
        """Stop before a forward pass with parameters that hold nothing.

        Raises:
            LayerNotLoadedError: the layer was never loaded.
        """
        if not self.loaded:
            raise LayerNotLoadedError(
                "the LLM layer was never loaded, so its output would be noise; load a checkpoint that contains it "
                "(load_state_dict, with assign=True for a network on the device meta) or the layer itself "
                "(load_layer) before running the network."
            )

    def stored(self) -> Tensors:
        """The tensors by name as a checkpoint stores them: the file's dtype if frozen, else float32."""
        return {name: p.detach().to(self._stored_dtype(name)) for name, p in self.named_parameters()}

    def refer(self, state: dict[str, Any], prefix: str) -> None:
        """Complete a state dict that refers to the layer by sha256 only, with the layer held here or found elsewhere.

        Raises:
            LLM4SegError: the layer is not found.
        """
        keys = self._keys(prefix)
        if self.config.trainable or state.keys() & keys.values():
            return
        found = self.stored() if self.loaded else self._look_up()
        state.update({keys[name]: tensor for name, tensor in found.items()})

    def check(self, state: Mapping[str, Any], prefix: str) -> None:
        """Before a state dict is loaded: a frozen layer must be the one that the spec names.

        Raises:
            LayerMismatchError: it is another one, or a part of another one.
        """
        shapes = {name: parameter.shape for name, parameter in self.named_parameters()}
        keys = self._keys(prefix)
        incoming = {name: self._as_stored(name, state[key]) for name, key in keys.items() if key in state}
        complete = incoming.keys() == shapes.keys()
        if not self.config.trainable and incoming and not self._holds(incoming):
            if complete:
                self._refuse_other(layer_sha256(incoming))
            elif self.loaded:
                raise LayerMismatchError(
                    f"the state dict holds {len(incoming)} of the frozen LLM layer's {len(shapes)} tensors, with "
                    "other values than the layer has; load a checkpoint with the whole layer, or with nothing of it."
                )
        if complete:
            self._arriving = all(tensor.shape == shapes[name] for name, tensor in incoming.items())

    def train(self, mode: bool = True) -> LLMLayer:
        """As nn.Module, but a frozen layer stays in eval mode."""
        super().train(mode and self.config.trainable)
        self.block.training = self.training
        return self

    def _mask_and_tables(
        self, grid: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> tuple[torch.Tensor, Tables]:
        """The mask and the rotary tables of a grid; those of the last grid are kept, because patches have one size.

        A compiled network makes them inside its graph, which then needs no state.
        """
        if torch.compiler.is_compiling():
            return self._make_mask_and_tables(grid, dtype, device)
        key = (tuple(grid), dtype, device)
        if self._made is None or self._made[0] != key:
            with torch.inference_mode(False):  # those made during a prediction must also work in training
                self._made = (key, self._make_mask_and_tables(grid, dtype, device))
        return self._made[1]

    def _make_mask_and_tables(
        self, grid: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> tuple[torch.Tensor, Tables]:
        mask = attention_mask(self.config.attention, math.prod(grid), dtype, device, self._window)
        positions = self._rotation.positions
        turns = self._turns.at(positions_on_an_axis(positions, grid))
        return mask, rotary_tables(positions, grid, turns, device, self._rotation.factor)

    def _apply(self, fn: Move, recurse: bool = True) -> LLMLayer:
        if self.loaded:
            self.loaded = keeps_values(fn, next(self.parameters()).device)
        super()._apply(moves_only(fn), recurse)
        self._settle()
        return self

    def _settle(self) -> None:
        """Keep each parameter in the dtype in which this device computes, if the conversion is exact."""
        device = next(self.parameters()).device
        self.compute_dtype = compute_dtype(self.config.dtype, device)
        self._made = None
        self._turns = Turns(self._rotation, device)  # on the device once, in float32 whatever arrives
        for name, parameter in self.named_parameters():
            exact = self._stored_dtype(name) == self.compute_dtype
            dtype = self.compute_dtype if exact else torch.float32
            if parameter.dtype != dtype:
                parameter.data = parameter.data.to(dtype) if self.loaded else torch.empty_like(parameter, dtype=dtype)

    def _stored_dtype(self, name: str) -> torch.dtype:
        return torch.float32 if self.config.trainable else torch_dtype(self.spec.dtypes[name])

    def _keys(self, prefix: str) -> dict[str, str]:
        return {name: prefix + name for name in self.spec.dtypes}

    def _is_real(self) -> bool:
        """Whether the parameters have memory."""
        return not any(parameter.is_meta for parameter in self.parameters())

    def _as_stored(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor in its stored dtype, where that loses nothing: who saves with `keep_vars` saves wider ones."""
        stored = tensor.detach().to(self._stored_dtype(name))
        return stored if torch.equal(stored.to(tensor.dtype), tensor.detach()) else tensor

    def _holds(self, incoming: Mapping[str, torch.Tensor]) -> bool:
        """Whether the verified layer already has exactly these values (cheaper than hashing for every case)."""
        stored = self.stored() if self.loaded else {}
        return self.loaded and all(
            tensor.dtype == stored[name].dtype and torch.equal(stored[name], tensor.to(stored[name].device))
            for name, tensor in incoming.items()
        )

    def _look_up(self) -> Tensors:
        """The layer of a checkpoint that refers to it by sha256 only."""
        try:
            return prepare_known(self.config, self.spec).tensors
        except LLM4SegError as error:
            raise type(error)(
                f"this checkpoint refers to its LLM layer by sha256 {self.spec.sha256} and lacks it; {error}"
            ) from error

    def _refuse_other(self, found: str) -> None:
        if found != self.spec.sha256:
            raise LayerMismatchError(
                f"the given layer has sha256 {found}, but the plans name {self.spec.sha256} "
                f"(layer {self.config.layer} of {self.config.model}, weights {self.config.weights}); "
                "use the files or the checkpoint that this model was first trained with."
            )


def _store(layer: LLMLayer, state: dict[str, Any], prefix: str, local_metadata: dict[str, Any]) -> None:
    """In a state dict the layer has its stored dtype, or is omitted if it is only referred to by sha256."""
    referred = not (layer.config.embed_weights or layer.config.trainable)
    for name, tensor in layer.stored().items():
        if referred:
            del state[prefix + name]
        elif not isinstance(state[prefix + name], nn.Parameter):  # `keep_vars` asks for the parameters themselves
            state[prefix + name] = tensor


def _check_incoming(layer: LLMLayer, state: dict[str, Any], prefix: str, *_: object) -> None:
    if layer._arriving is None:  # the module that contains the layer may have checked already
        if not prefix:
            layer.refer(state, prefix)  # a state dict of nothing but this layer
        layer.check(state, prefix)


def _finish_loading(layer: LLMLayer, *_: object) -> None:
    """Only now the values are there; `assign=True` brought them in the dtype in which they are stored."""
    if layer._arriving is not None:
        layer.loaded = layer._arriving and layer._is_real()
    layer._arriving = None
    layer._settle()
