"""Build one layer of a language model with `transformers`' own class, and feed it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nnunet_llm4seg.errors import ModelFilesError, one_line
from nnunet_llm4seg.llm.description import LayerDescription
from nnunet_llm4seg.llm.families import layer_class_of
from nnunet_llm4seg.llm.positions import Tables

Mask = torch.Tensor | None
Feed = Callable[[nn.Module, torch.Tensor, Mask, Tables], Any]


@dataclass(frozen=True)
class BuiltLayer:
    """A layer of `transformers`' own class.

    Attributes:
        module: The layer; its parameters hold no values yet.
        feed: Calls it with the arguments that the installed version names.
    """

    module: nn.Module
    feed: Feed

    def __call__(self, tokens: torch.Tensor, mask: Mask, tables: Tables) -> torch.Tensor:
        """Run the layer on `tokens` (B, N, D) with an additive mask (1, 1, N, N) and rotary tables (1, N, R).

        No mask means what `llm.masking.works_without_mask` has set.
        """
        output = self.feed(self.module, tokens, mask, tables)
        return output[0] if isinstance(output, tuple) else output  # a tuple until transformers 4.53

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape."""
        return {name: tuple(parameter.shape) for name, parameter in self.module.named_parameters()}


def build_layer(description: LayerDescription) -> BuiltLayer:
    """Build a layer.

    Raises:
        ModelFilesError: the installed `transformers` cannot build it, or cannot rotate a part of each head.
    """
    layer_class = layer_class_of(description.family, description.model_type)
    configuration = description.configuration
    configuration._attn_implementation = description.family.attention
    configuration.chunk_size_feed_forward = (
        0  # chunking would refuse token numbers that are not a multiple of the chunk
    )
    indexed = {"layer_idx", "layer_id"} & inspect.signature(layer_class).parameters.keys()  # ModernBERT: layer_id
    try:
        with _WithoutInitialisation():
            built = layer_class(configuration, description.index) if indexed else layer_class(configuration)
    except Exception as error:  # transformers checks a configuration with errors of many types
        raise ModelFilesError(
            f"model: transformers cannot build a layer from this config.json "
            f"({type(error).__name__}: {one_line(error)}); fetch the model again or install a newer transformers."
        ) from error
    _refuse_older_names(built, description)
    for module in list(built.modules()):
        if hasattr(module, "rotary_emb"):  # until 4.47 each layer made its own tables
            module.rotary_emb = _GivenTables()
    if hasattr(built, "is_sliding"):
        built.is_sliding = (
            False  # until 4.5x some layers applied their window to the mask; our mask contains it already
        )
    if description.rotary_size:
        _refuse_unread_tables(built, description.rotary_size)
    return BuiltLayer(built, _feed_of(built, description))


def _refuse_older_names(layer: nn.Module, description: LayerDescription) -> None:
    """Checkpoints hold the names of parameters, so a family has the same ones with every version."""
    import transformers

    ending = description.family.has
    if ending and not any(name.endswith(ending) for name, _ in layer.named_parameters()):
        raise ModelFilesError(
            f"model: the installed transformers {transformers.__version__} names the parameters of "
            f"{description.family.layer_class} in an older way (it has no {ending}); install a newer one."
        )


def _feed_of(layer: nn.Module, description: LayerDescription) -> Feed:
    """How each class takes mask and tables. Functions of the module, so that a copied layer uses its own copy."""
    parameters = inspect.signature(type(layer).forward).parameters
    if "attn_mask" in parameters:  # DistilBERT until transformers 4
        return _feed_attn_mask
    if "sliding_window_mask" in parameters:  # ModernBERT until transformers 4
        return _feed_two_masks
    if "causal_attention_mask" in parameters:  # CLIP until 4.5x
        return _feed_causal_mask
    if not description.rotary_size:
        return _feed_attention_mask
    if "position_embeddings" in parameters:
        return _feed_tables_and_indices if description.family.indexed else _feed_tables
    if "position_embeddings_global" in parameters:  # Gemma 3 until 4.5x chose between two pairs of tables
        return _feed_two_pairs
    if "position_ids" in parameters:  # the layer hands these to its `rotary_emb`, which passes them on
        return _feed_position_ids
    return _feed_attention_mask


def _feed_attn_mask(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attn_mask=mask)


def _feed_attention_mask(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask)


def _feed_tables(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask, position_embeddings=tables)


def _feed_tables_and_indices(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    index = torch.arange(tokens.shape[1], device=tokens.device)[None]  # some scale queries beyond the trained context
    return layer(tokens, attention_mask=mask, position_embeddings=tables, position_ids=index)


def _feed_two_masks(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask, sliding_window_mask=mask, position_ids=tables)


def _feed_causal_mask(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask, causal_attention_mask=None)


def _feed_two_pairs(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask, position_embeddings_global=tables, position_embeddings_local=tables)


def _feed_position_ids(layer: nn.Module, tokens: torch.Tensor, mask: Mask, tables: Tables) -> Any:
    return layer(tokens, attention_mask=mask, position_ids=tables)


def _refuse_unread_tables(layer: Any, rotary_size: int) -> None:
    """Refuse a model that rotates a part of each head if the installed `transformers` rotates the whole head."""
    import transformers

    attention = next(part for part in layer.modules() if hasattr(part, "head_dim") or hasattr(part, "head_size"))
    head = getattr(attention, "head_dim", None) or attention.head_size
    if rotary_size in (head, getattr(attention, "rotary_ndims", None)):
        return
    rotate = importlib.import_module(type(layer).__module__).apply_rotary_pos_emb
    query, table = torch.ones(1, 1, 1, head), torch.ones(1, 1, rotary_size)
    try:
        rotate(query, query, table, table)
    except RuntimeError as error:
        raise ModelFilesError(
            f"model: it rotates {rotary_size} of each head's {head} dimensions (partial_rotary_factor), which the "
            f"installed transformers {transformers.__version__} cannot do for {type(layer).__name__}; install a "
            "newer one."
        ) from error


class _GivenTables(nn.Module):
    """Replaces the module with which an older layer makes its rotary tables; passes on the given tables."""

    def forward(self, values: torch.Tensor, position_ids: Tables, seq_len: int | None = None) -> Tables:
        return position_ids


class _WithoutInitialisation(TorchFunctionMode):
    """Leave new parameters uninitialised: memory is only touched when the real values arrive."""

    _FILLS = frozenset({torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.fill_, torch.Tensor.zero_})

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self._FILLS or getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
