"""Models whose `config.json` says that their weights are quantised: FP8 is expanded, the others are refused.

Each 8-bit matrix W has a scale S beside it: one number, one per row, or one per block of rows and columns. The layer
gets W * S, computed in float32 and rounded to bfloat16. Scales of activations are not used: nothing is quantised while
the layer computes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnunet_llm4seg.errors import ModelFilesError

if TYPE_CHECKING:
    import torch

# what the names of scales are that belong to the tensor `weight`, and of tensors for activations, which are not used
SCALES = ("weight_scale_inv", "weight_scale")
UNUSED = ("activation_scale", "input_scale")

# quant_method -> what a user can do about it
_UNQUANTISED = {
    "bitsandbytes": "the model from which it was made, or save it again after transformers' `model.dequantize()`",
}


@dataclass(frozen=True)
class Fp8:
    """How a checkpoint's matrices are stored in 8 bits.

    Attributes:
        method: The name of the scheme in `config.json`.
        block: Rows and columns with one scale; None: one scale for each row or for the whole matrix.
    """

    method: str
    block: tuple[int, int] | None = None

    def __str__(self) -> str:
        blocks = f", blocks of {self.block[0]} x {self.block[1]}" if self.block else ""
        return f"FP8 ({self.method}{blocks})"


def in_words(quantisation: str) -> str:
    """How weights are stored, with the bits of all kinds in which the matrices are, where these are listed.

    >>> in_words("Q4_K_M"), in_words("Q4_K_M (Q4_K, Q5_0, Q8_0)")
    ('Q4_K_M: 4-bit weights, dequantised', 'Q4_K_M (Q4_K, Q5_0, Q8_0): 4- to 8-bit weights, dequantised')
    """
    kinds = quantisation.partition("(")[2] or quantisation
    found = re.findall(r"\b[IT]?Q(\d+)", kinds) or re.findall(r"\d+", quantisation)[:1]
    bits = sorted({int(number) for number in found})
    if not bits:
        return f"{quantisation}: weights dequantised"
    return f"{quantisation}: {bits[0]}-{f' to {bits[-1]}-' if len(bits) > 1 else ''}bit weights, dequantised"


def fp8_of(model_config: Mapping[str, Any]) -> Fp8 | None:
    """The scheme of a raw `config.json`; None if the weights are not quantised.

    Raises:
        ModelFilesError: they are quantised in another way.
    """
    inner = model_config.get("text_config")
    for values in (model_config, inner if isinstance(inner, Mapping) else {}):
        found = values.get("quantization_config") or values.get("compression_config")
        if found:
            return _fp8(found if isinstance(found, Mapping) else {})
    return None


def expanded(weight: torch.Tensor, scale: torch.Tensor, scheme: Fp8, name: str) -> torch.Tensor:
    """The values of a matrix `weight` (rows, columns) that is stored in 8 bits with a `scale`, in bfloat16.

    Raises:
        ModelFilesError: it is no matrix, or the scale's shape is not one that the scheme allows.
    """
    import torch

    if weight.ndim != 2:
        raise ModelFilesError(
            f"model: {name} has the shape {tuple(weight.shape)} and 8 bits, but only matrices can have scales; fetch "
            "the model again, or choose its bfloat16 version."
        )
    rows, columns = weight.shape
    scale = scale.float()
    if scale.numel() == 1:
        factors = scale.reshape(1, 1)
    elif scheme.block is None and tuple(scale.shape) in ((rows,), (rows, 1)):
        factors = scale.reshape(rows, 1)
    elif scheme.block and tuple(scale.shape) == tuple(map(_parts, weight.shape, scheme.block)):
        factors = scale.repeat_interleave(scheme.block[0], 0)[:rows].repeat_interleave(scheme.block[1], 1)[:, :columns]
    else:
        raise ModelFilesError(
            f"model: the scale of {name} has the shape {tuple(scale.shape)}, which does not fit a matrix of "
            f"{rows} x {columns} stored as {scheme}; fetch the model again, or choose its bfloat16 version."
        )
    return weight.float().mul_(factors).to(torch.bfloat16)


def _parts(size: int, block: int) -> int:
    return math.ceil(size / block)


def _fp8(values: Mapping[str, Any]) -> Fp8:
    older = values.get("load_in_4bit") or values.get("load_in_8bit")
    method = str(values.get("quant_method") or ("bitsandbytes" if older else "unknown"))
    if method == "fp8":
        return Fp8(method, _block(values.get("weight_block_size"), method))
    if method == "fbgemm_fp8":
        return Fp8(method)
    if method == "compressed-tensors":
        return _compressed_tensors(values)
    raise _refusal(method, _UNQUANTISED.get(method, "the unquantised model from which it was made"))


def _compressed_tensors(values: Mapping[str, Any]) -> Fp8:
    method, form, groups = "compressed-tensors", values.get("format"), values.get("config_groups")
    schemes = [
        group.get("weights") if isinstance(group, Mapping) else None
        for group in (groups.values() if isinstance(groups, Mapping) else ())
    ]
    first = schemes[0] if schemes and isinstance(schemes[0], Mapping) else {}
    eight_bits = (first.get("num_bits"), first.get("type")) == (8, "float")
    if form not in ("float-quantized", "naive-quantized") or not eight_bits or any(s != first for s in schemes):
        kinds = f"{first.get('num_bits')} bits of the type {first.get('type')}"
        raise _refusal(f"{method}, format {form}, {kinds}", "the model's bfloat16 version")
    return Fp8(method, _block(first.get("block_structure") if first.get("strategy") == "block" else None, method))


def _block(value: Any, method: str) -> tuple[int, int] | None:
    if value is None:
        return None
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(n, int) and n > 0 for n in value)):
        raise _refusal(f"{method}, blocks {value!r}", "the model's bfloat16 version")
    return value[0], value[1]


def _refusal(method: str, advice: str) -> ModelFilesError:
    return ModelFilesError(
        f"model: its config.json says that the weights are quantised (quant_method {method!r}), but only float32, "
        f"float16, bfloat16 and FP8 (fp8, fbgemm_fp8, compressed-tensors) can be used; choose {advice}."
    )
