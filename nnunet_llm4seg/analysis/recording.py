"""Record the features around a network's bottleneck in one forward pass, without changing the network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from nnunet_llm4seg.errors import NetworkError

_SIGNATURE = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


@dataclass(frozen=True)
class Recording:
    """One patch's features.

    Attributes:
        before: Output of the encoder at the LLM's stage, (C, *grid); of a vanilla network its bottleneck.
        after: Output of the LLM bottleneck, (C, *grid), or None.
        attention: Weights of the layer, (heads, N, N), query by key, rows sum to 1, or None.
        logits: (classes, *patch).
    """

    before: torch.Tensor
    after: torch.Tensor | None
    attention: torch.Tensor | None
    logits: torch.Tensor


@torch.no_grad()
def record(network: nn.Module, patch: torch.Tensor) -> Recording:
    """Run a network with nnU-Net's contract (`encoder` returns the skips) on one patch.

    Parameters, modes and hooks of the network are the same afterwards.

    Args:
        network: Vanilla, or an `LLM4SegUNet`.
        patch: (channels, *patch), on the network's device.

    Raises:
        NetworkError: the network has no encoder that returns a list of skips.
    """
    encoder, bottleneck = getattr(network, "encoder", None), getattr(network, "bottleneck", None)
    if not isinstance(encoder, nn.Module):
        raise NetworkError(
            f"the network {type(network).__name__} has no encoder, so its bottleneck cannot be found; analyse a "
            "U-Net of nnU-Net such as PlainConvUNet or ResidualEncoderUNet."
        )
    seen: dict[str, torch.Tensor] = {}
    stage = bottleneck.config.stage if bottleneck is not None else -1
    attention = _Attention()
    with ExitStack() as stack:
        stack.enter_context(_evaluating(network))
        hooks = [encoder.register_forward_hook(lambda *call: seen.update(before=call[-1][stage].clone()))]
        if bottleneck is not None:
            hooks += [
                bottleneck.register_forward_hook(lambda *call: seen.update(after=call[-1].clone())),
                bottleneck.layer.register_forward_pre_hook(lambda *_: attention.__enter__() and None),
                bottleneck.layer.register_forward_hook(
                    lambda *_: attention.__exit__(None, None, None), always_call=True
                ),
            ]
        for hook in hooks:
            stack.callback(hook.remove)
        logits = network(patch[None])
    logits = logits[0] if isinstance(logits, (list, tuple)) else logits  # deep supervision: the full size is first
    after = seen["after"][0] if "after" in seen else None
    return Recording(seen["before"][0], after, attention.weights, logits[0])


class _Attention(TorchFunctionMode):
    """Keep the weights of the attention that runs inside.

    `scaled_dot_product_attention` does not return its weights: they are computed again from the same queries, keys
    and mask. Eager attention, which some families need, calls softmax on (B, heads, N, N).
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights: torch.Tensor | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func is scaled_dot_product_attention:
            self.weights = attention_weights(**dict(zip(_SIGNATURE, args, strict=False)), **kwargs)[0]
        elif getattr(func, "__name__", "") == "softmax" and result.ndim == 4:
            self.weights = result[0].float()
        return result


def attention_weights(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """The weights that torch's `scaled_dot_product_attention` applies to `value` for these arguments.

    Shapes: query (B, heads, N, d), key and value (B, key heads, N, d) -> (B, heads, N, N) in float32.
    """
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query.float() @ key.float().transpose(-1, -2)  # (B, nh, N, d) x (B, nh, d, N) -> (B, nh, N, N)
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, -math.inf)
    if attn_mask is not None:
        boolean = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if boolean else scores + attn_mask.float()
    return scores.softmax(-1)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, with every module's own mode restored afterwards."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
