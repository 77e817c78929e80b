"""Whether a layer needs an attention mask at all, or understands a flag instead.

Without a mask torch can choose its fused kernels, keys and values are not repeated for each query head, and N tokens
need no (N, N) mask.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from nnunet_llm4seg.llm.build import BuiltLayer
from nnunet_llm4seg.llm.description import LayerDescription

_SIGNATURE = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
_TOKENS = 3  # a single token's attention is never causal


def works_without_mask(layer: BuiltLayer, description: LayerDescription, attention: str) -> bool:
    """Tell the layer by its flag `is_causal` which tokens are seen, and try whether it obeys.

    The try runs without memory (torch's device `meta`) and looks at what the layer hands to torch's attention: no
    mask, and the flag that was set. Eager attention, and versions of `transformers` that ignore the flag, need the
    mask; their flags are left as they were.

    Args:
        attention: `causal` or `bidirectional`, see `LLM4SegConfig`.
    """
    causal = attention == "causal"
    flagged = [module for module in layer.module.modules() if isinstance(getattr(module, "is_causal", None), bool)]
    before = [module.is_causal for module in flagged]
    for module in flagged:
        module.is_causal = causal  # type: ignore[assignment]
    if _handed_to_attention(layer, description) == [(False, causal)]:
        return True
    for module, value in zip(flagged, before, strict=True):
        module.is_causal = value
    return False


def _handed_to_attention(layer: BuiltLayer, description: LayerDescription) -> list[tuple[bool, bool]]:
    """(whether there is a mask, whether it is causal) of each call of torch's attention; empty if the try fails."""
    tokens = torch.empty(1, _TOKENS, description.hidden_size, device="meta")
    table = torch.empty(1, _TOKENS, description.rotary_size, device="meta")
    run = _Run(layer)
    held = {**dict(run.named_parameters()), **dict(run.named_buffers())}
    empty = {name: torch.empty_like(tensor, dtype=torch.float32, device="meta") for name, tensor in held.items()}
    try:
        with torch.no_grad(), _Calls() as calls:
            torch.func.functional_call(run, empty, (tokens, (table, table)))
    except Exception:  # whatever a layer does with no mask: with a mask it works
        return []
    return calls.seen


class _Run(nn.Module):
    """A layer without a mask, as a module."""

    def __init__(self, layer: BuiltLayer) -> None:
        super().__init__()
        self.module, self._layer = layer.module, layer

    def forward(self, tokens: torch.Tensor, tables: Any) -> torch.Tensor:
        return self._layer(tokens, None, tables)


class _Calls(TorchFunctionMode):
    """Notes how torch's attention is called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bool, bool]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is scaled_dot_product_attention:
            given = {**dict(zip(_SIGNATURE, args, strict=False)), **kwargs}
            self.seen.append((given.get("attn_mask") is not None, bool(given.get("is_causal", False))))
        return func(*args, **kwargs)
