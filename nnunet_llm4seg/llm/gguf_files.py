"""One layer of a language model from GGUF files, as a folder in Hugging Face's layout would give it.

Only the header and that layer's tensors are read. Quantised numbers are expanded by the library `gguf`; names and
order become those of `transformers` (see `llm.gguf_architectures`).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnunet_llm4seg.errors import ModelFilesError, one_line
from nnunet_llm4seg.llm.dtypes import torch_dtype
from nnunet_llm4seg.llm.gguf_architectures import ARCHITECTURES, fields_of
from nnunet_llm4seg.llm.gguf_header import GGUFHeader
from nnunet_llm4seg.llm.gguf_parts import read_parts

_WIDE = {"F32": "float32", "F16": "float16"}
_UNQUANTISED = {"F32", "F16", "BF16"}
# what llama.cpp computes LLaMA 3's scaled frequencies from, for the models that Meta published
_LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
_LLAMA3_FACTORS = (8.0, 32.0)


class GGUFModel:
    """A model in one GGUF file, or in the parts of a split one.

    Args:
        path: The file, or any part of a split model.

    Attributes:
        config: The model's fields as a raw `config.json` has them.

    Raises:
        ModelFilesError: a file is missing or damaged, or it holds no language model of an architecture that is known.
    """

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("gguf") is None:
            raise ModelFilesError(
                f"model: reading {path} needs the package gguf; run `pip install 'nnunet-llm4seg[gguf]'`."
            )
        self.path = path
        self.headers = read_parts(path)
        values = self.headers[0].values
        self.architecture = str(values.get("general.architecture"))
        self.config = fields_of(self.architecture, values, path)
        self._tensors = {name: header for header in self.headers for name in header.tensors}
        if f"{self._block(0)}attn_q.bias" in self._tensors and self.architecture == "llama":
            self.config["attention_bias"] = True
        self._add_rotary_scaling()
        matrix = f"{self._block(0)}attn_output.weight"  # that every layer has
        self.config["torch_dtype"] = self._dtype({matrix} & self._tensors.keys())

    def quantisation(self, layer: int, depth: int = 1) -> str | None:
        """How the matrices of a layer, or of `depth` layers from it on, are quantised, such as `Q4_K_M (Q4_K, Q6_K)`.

        None if they are not.
        """
        from gguf import LlamaFileType

        names = [name for i in range(depth) for name in self._layer(layer + i)]
        kinds = sorted({self._kind(name).name for name in names if len(self._shape(name)) > 1})
        if set(kinds) <= _UNQUANTISED:
            return None
        number = self.headers[0].values.get("general.file_type", -1)  # a file need not say it
        try:
            known = LlamaFileType(number).name.removeprefix("MOSTLY_").removeprefix("ALL_")
        except ValueError:
            return ", ".join(kinds)
        return known if kinds == [known] else f"{known} ({', '.join(kinds)})"

    def read_layer(self, layer: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
        """The tensors named in `shapes` (without the layer's prefix) of layer number `layer`.

        All have one type, that of the widest matrix: float32 or float16 where the file has such, else bfloat16, which
        holds as many digits as 8-bit weights have.

        Raises:
            ModelFilesError: the layer or a tensor is missing, is of another shape or of a type that cannot be read,
                or the file holds a tensor of this layer that the family does not have.
        """
        names = self._names(layer, shapes)
        strangers = self._layer(layer).keys() - names.values()
        if strangers:
            raise ModelFilesError(
                f"model: {self.path} holds {sorted(strangers)[0]}, which a layer of the family "
                f"{self.config['model_type']} does not have, so it would compute something else; choose another model."
            )
        dtype = torch_dtype(self._dtype(stored for name, stored in names.items() if len(shapes[name]) > 1))
        undo = ARCHITECTURES[self.architecture].undo
        tensors = {}
        for name, stored in names.items():
            values = self._values(stored)
            try:
                array = np.array(undo(self.config, name, values), order="C")  # not a view of the file
            except (ArithmeticError, TypeError, ValueError) as error:
                raise ModelFilesError(
                    f"model: {stored} of {self.path} has shape {values.shape}, which does not fit the file's values "
                    f"({one_line(error)}); download it again."
                ) from error
            if array.shape != tuple(shapes[name]):
                raise ModelFilesError(
                    f"model: {stored} of {self.path} has shape {array.shape}, but its values ask for "
                    f"{tuple(shapes[name])}; download it again."
                )
            tensors[name] = torch.from_numpy(array).to(dtype)
        return tensors

    def _names(self, layer: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
        """Name without prefix -> name in the file."""
        from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

        if not self._layer(layer):
            raise ModelFilesError(
                f"layer: {self.path} holds no tensors of layer {layer}; it has layers 0 to {self._layers() - 1}."
            )
        architecture = next(number for number, name in MODEL_ARCH_NAMES.items() if name == self.architecture)
        known = get_tensor_name_map(architecture, layer + 1)  # not as many as the file claims to have
        module = ARCHITECTURES[self.architecture].module.format(layer)
        names = {}
        for name in shapes:
            stem, _, ending = name.rpartition(".")
            names[name] = f"{known.get_name(module + stem)}.{ending}"
            if names[name] not in self._tensors:
                raise ModelFilesError(f"model: {self.path} lacks {names[name]} ({name}); download it again.")
        return names

    def _dtype(self, matrices: Iterable[str]) -> str:
        kinds = {self._kind(name).name for name in matrices}
        return next((dtype for kind, dtype in _WIDE.items() if kind in kinds), "bfloat16")

    def _layers(self) -> int:
        return int(self.config.get("num_hidden_layers") or self.config["n_layer"])

    def _layer(self, layer: int) -> dict[str, GGUFHeader]:
        return {name: header for name, header in self._tensors.items() if name.startswith(self._block(layer))}

    @staticmethod
    def _block(layer: int) -> str:
        return f"blk.{layer}."

    def _shape(self, name: str) -> tuple[int, ...]:
        return self._tensors[name].tensors[name].shape

    def _kind(self, name: str) -> Any:
        from gguf import GGMLQuantizationType

        number = self._tensors[name].tensors[name].kind
        try:
            return GGMLQuantizationType(number)
        except ValueError:
            raise ModelFilesError(
                f"model: {name} of {self.path} is of ggml's type {number}, which the installed gguf does not know; "
                "install a newer gguf, or choose another quantisation of the model."
            ) from None

    def _values(self, name: str) -> np.ndarray:
        """A tensor's numbers in float32."""
        from gguf import GGML_QUANT_SIZES, dequantize

        header, kind, shape = self._tensors[name], self._kind(name), self._shape(name)
        block, size = GGML_QUANT_SIZES[kind]
        if not shape or shape[-1] % block:
            raise ModelFilesError(
                f"model: {name} of {header.path} has the shape {shape}, which {kind.name} cannot have."
            )
        count = math.prod(shape) // block * size
        try:
            stored = np.memmap(header.path, np.uint8, "r", header.tensors[name].begin, (count,))
        except (OSError, ValueError, OverflowError) as error:
            raise ModelFilesError(
                f"model: {header.path} ends within {name} ({one_line(error)}); download it again."
            ) from error
        rows = stored.reshape(*shape[:-1], shape[-1] // block * size)
        try:
            return np.asarray(dequantize(rows, kind), np.float32).reshape(shape)
        except NotImplementedError as error:
            raise ModelFilesError(
                f"model: {name} of {self.path} is stored as {kind.name}, which the installed gguf cannot read; choose "
                "another quantisation of the model, such as Q8_0 or Q4_K_M."
            ) from error

    def _add_rotary_scaling(self) -> None:
        """Put into `config` how rotary frequencies are scaled, which GGUF files keep as tensors."""
        if "rope_freqs.weight" in self._tensors:
            self.config["rope_scaling"] = self._llama3_scaling(self._values("rope_freqs.weight"))
        long, short = "rope_factors_long.weight", "rope_factors_short.weight"
        if long in self._tensors and short in self._tensors:
            self.config["rope_scaling"] = {
                "rope_type": "longrope",
                "type": "longrope",
                "long_factor": self._values(long).tolist(),
                "short_factor": self._values(short).tolist(),
            }

    def _llama3_scaling(self, divisors: np.ndarray) -> dict[str, Any]:
        """LLaMA 3's parameters, of which the file keeps only what each frequency is divided by."""
        from nnunet_llm4seg.llm.rotary_scaling import llama3_frequency

        try:
            theta, size = float(self.config.get("rope_theta", 10000.0)), 2 * len(divisors)
            plain = [theta ** (-2 * pair / size) for pair in range(len(divisors))]
            for factor in _LLAMA3_FACTORS:
                scaling = {"rope_type": "llama3", "factor": factor, **_LLAMA3}
                expected = [frequency / llama3_frequency(frequency, scaling) for frequency in plain]
                if np.allclose(expected, divisors, rtol=1e-4):
                    return scaling
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ModelFilesError(
                f"model: the rotary frequencies in {self.path} make no sense ({one_line(error)}); download it again."
            ) from error
        return {"rope_type": "divisors of an unknown kind"}  # refused where positions need the model's frequencies
