"""The tensors of a frozen or trained layer as the parameters of a module, and everything that happens to them.

They are filled in (from a model or a state dict), verified by sha256, kept in the precision in which the device
computes, and stored in the dtype in which they were published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import LayerMismatchError, LayerNotLoadedError, LLM4SegError
from nnunet_llm4seg.llm.dtypes import torch_dtype
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import Tensors
from nnunet_llm4seg.llm.precision import Move, compute_dtype, keeps_values, moves_only
from nnunet_llm4seg.llm.source import LayerSpec, prepare_known


class HeldTensors(nn.Module):
    """A module whose parameters are the tensors that a spec names, and nothing else.

    Args:
        config: Which layer, and how it is used.
        spec: The layer's identity.
        parts: The module that has the parameters, still without values. Its parts become this module's own, so that
            names and state-dict keys are those of `transformers`. A subclass then calls `_settle`.

    Attributes:
        loaded: Whether the parameters hold the layer's values.
        compute_dtype: The dtype of the layer's matrix products on its present device.
    """

    def __init__(self, config: LLM4SegConfig, spec: LayerSpec, parts: nn.Module) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        for held in ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set"):
            setattr(self, held, getattr(parts, held))
        self.requires_grad_(config.trainable)
        self.loaded = False
        self._arriving: bool | None = None  # whether a state dict that is being loaded will fill every tensor
        self.register_state_dict_post_hook(_store)
        self.register_load_state_dict_pre_hook(_check_incoming)
        self.register_load_state_dict_post_hook(_finish_loading)

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

    def _apply(self, fn: Move, recurse: bool = True) -> HeldTensors:
        if self.loaded:
            self.loaded = keeps_values(fn, next(self.parameters()).device)
        super()._apply(moves_only(fn), recurse)
        self._settle()
        return self

    def _settle(self) -> None:
        """Keep each parameter in the dtype in which this device computes, if the conversion is exact."""
        device = next(self.parameters()).device
        self.compute_dtype = compute_dtype(self.config.dtype, device)
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
                f"({self.config.layers} of {self.config.model}, weights {self.config.weights}); "
                "use the files or the checkpoint that this model was first trained with."
            )


def _store(layer: HeldTensors, state: dict[str, Any], prefix: str, local_metadata: dict[str, Any]) -> None:
    """In a state dict the layer has its stored dtype, or is omitted if it is only referred to by sha256."""
    referred = not (layer.config.embed_weights or layer.config.trainable)
    for name, tensor in layer.stored().items():
        if referred:
            del state[prefix + name]
        elif not isinstance(state[prefix + name], nn.Parameter):  # `keep_vars` asks for the parameters themselves
            state[prefix + name] = tensor


def _check_incoming(layer: HeldTensors, state: dict[str, Any], prefix: str, *_: object) -> None:
    if layer._arriving is None:  # the module that contains the layer may have checked already
        if not prefix:
            layer.refer(state, prefix)  # a state dict of nothing but this layer
        layer.check(state, prefix)


def _finish_loading(layer: HeldTensors, *_: object) -> None:
    """Only now the values are there; `assign=True` brought them in the dtype in which they are stored."""
    if layer._arriving is not None:
        layer.loaded = layer._arriving and layer._is_real()
    layer._arriving = None
    layer._settle()
