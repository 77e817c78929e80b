"""Checkpoints in FP8 are expanded by their scales; other schemes are refused by name."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import LLAMA, save_model

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.layer import LLMLayer
from nnunet_llm4seg.llm.quantised import Fp8, expanded, fp8_of, in_words
from nnunet_llm4seg.llm.source import LayerSpec, prepare_layer

BLOCK = (16, 20)  # which divides neither 32 x 32 nor 48 x 32
CHANNELS = {
    "quant_method": "compressed-tensors",
    "format": "float-quantized",
    "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}},
}
SCHEMES = {
    "one scale": ({"quant_method": "fp8", "activation_scheme": "static"}, "weight_scale_inv", lambda w: ()),
    "blocks": (
        {"quant_method": "fp8", "weight_block_size": list(BLOCK)},
        "weight_scale_inv",
        lambda w: tuple(-(-size // block) for size, block in zip(w.shape, BLOCK, strict=True)),
    ),
    "rows": (CHANNELS, "weight_scale", lambda w: (w.shape[0], 1)),
    "rows of fbgemm": ({"quant_method": "fbgemm_fp8"}, "weight_scale", lambda w: (w.shape[0], 1)),
}


def save_fp8(folder, values, ending, shape_of):
    """A LLaMA whose matrices are stored in 8 bits; what its layer 1 stands for."""
    save_model(folder, torch.bfloat16)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": values}))
    stored, expected = {}, {}
    generator = torch.Generator().manual_seed(0)
    for name, tensor in load_file(folder / "model.safetensors").items():
        if not name.endswith("proj.weight"):
            stored[name] = tensor
        else:
            scale = torch.rand(shape_of(tensor), generator=generator) + 0.5
            stored[name], stored[name.removesuffix("weight") + ending] = tensor.to(torch.float8_e4m3fn), scale
            stored[name.removesuffix("weight") + "input_scale"] = torch.ones(())
            rows, columns = torch.meshgrid(*map(torch.arange, tensor.shape), indexing="ij")
            if scale.ndim == 0:
                factor = scale
            elif scale.shape[1] == 1:
                factor = scale[rows, 0]
            else:
                factor = scale[rows // BLOCK[0], columns // BLOCK[1]]
            tensor = (stored[name].float() * factor).to(torch.bfloat16)
        if name.startswith("layers.1."):
            expected[name.removeprefix("layers.1.")] = tensor
    save_file(stored, folder / "model.safetensors")
    return expected


@pytest.mark.parametrize("name", SCHEMES)
def test_fp8_matrices_are_multiplied_by_their_scales(name, tmp_path):
    expected = save_fp8(tmp_path, *SCHEMES[name])
    prepared = prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))
    assert prepared.tensors.keys() == expected.keys()
    assert all(torch.equal(prepared.tensors[key], tensor) for key, tensor in expected.items())
    assert set(prepared.spec.dtypes.values()) == {"bfloat16"}
    assert prepared.spec.quantisation.startswith("FP8 (")
    spec = LayerSpec.from_dict(json.loads(json.dumps(prepared.spec.to_dict())))
    layer = LLMLayer(LLM4SegConfig(model=str(tmp_path), layer=1), spec=spec, prepared=prepared)
    assert torch.isfinite(layer(torch.randn(1, 4, LLAMA["hidden_size"]))).all()


def test_the_scheme_is_named_in_what_is_recorded(tmp_path):
    save_fp8(tmp_path, *SCHEMES["blocks"])
    spec = prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1)).spec
    assert spec.to_dict()["quantisation"] == "FP8 (fp8, blocks of 16 x 20)"


def test_fp8_whose_scales_are_as_transformers_reads_them(tmp_path):
    fp8 = pytest.importorskip("transformers.integrations.finegrained_fp8")
    if not hasattr(fp8, "Fp8Dequantize") or not hasattr(fp8.Fp8Dequantize, "_dequantize_one"):
        pytest.skip("this transformers expands FP8 in another place")
    weight = torch.randn(32, 40).to(torch.float8_e4m3fn)
    scale = torch.rand(2, 2) + 0.5
    theirs = fp8.Fp8Dequantize(None)._dequantize_one(weight, scale, torch.bfloat16)
    assert torch.equal(expanded(weight, scale, Fp8("fp8", (16, 20)), "w"), theirs)


def test_a_scale_that_is_missing_or_does_not_fit_is_one_sentence(tmp_path):
    save_fp8(tmp_path, *SCHEMES["blocks"])
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    name = "layers.1.mlp.up_proj.weight_scale_inv"
    save_file({**tensors, name: torch.ones(7, 7)}, file)
    with pytest.raises(ModelFilesError, match=r"scale of layers.1.mlp.up_proj.weight has the shape \(7, 7\)"):
        prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))
    save_file({key: tensor for key, tensor in tensors.items() if key != name}, file)
    with pytest.raises(ModelFilesError, match=r"lacks the scale of layers\.1\.mlp\.up_proj\.weight"):
        prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))


def test_8_bit_numbers_without_a_scheme_are_refused(tmp_path):
    save_fp8(tmp_path, *SCHEMES["one scale"])
    config = json.loads((tmp_path / "config.json").read_text())
    del config["quantization_config"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFilesError, match="which the family's layer does not use"):
        prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"quant_method": "fp8", "weight_block_size": [0, 1]}, r"fp8, blocks \[0, 1\]"),
        (
            {**CHANNELS, "format": "pack-quantized"},
            "compressed-tensors, format pack-quantized, 8 bits .*",
        ),
        (
            {**CHANNELS, "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int"}}}},
            ".*, 4 bits of .* int",
        ),
        ({**CHANNELS, "config_groups": {"g": 3}}, "compressed-tensors, .*, None bits of the type None"),
        ({**CHANNELS, "config_groups": None}, "compressed-tensors, .*, None bits of the type None"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "modelopt"),
        (7, "unknown"),
    ],
)
def test_other_schemes_are_refused_by_name(values, says):
    with pytest.raises(ModelFilesError, match=f"quant_method '{says}'.*FP8 .* can be used; choose"):
        fp8_of({"quantization_config": values})


def test_a_scale_beside_a_matrix_of_16_bits_is_refused(tmp_path):
    save_fp8(tmp_path, *SCHEMES["one scale"])
    tensors = load_file(tmp_path / "model.safetensors")
    name = "layers.1.mlp.up_proj.weight"
    save_file({**tensors, name: tensors[name].to(torch.bfloat16)}, tmp_path / "model.safetensors")
    message = r"a scale of layers\.1\.mlp\.up_proj\.weight, which is BF16 and needs none"
    with pytest.raises(ModelFilesError, match=message):
        prepare_layer(LLM4SegConfig(model=str(tmp_path), layer=1))


def test_8_bit_numbers_that_are_no_matrix_are_refused():
    with pytest.raises(ModelFilesError, match=r"w has the shape \(4,\) and 8 bits, but only matrices can have scales"):
        expanded(torch.ones(4).to(torch.float8_e4m3fn), torch.ones(()), Fp8("fp8"), "w")


def test_scales_can_have_8_bits_themselves():
    weight, scale = torch.ones(4, 4).to(torch.float8_e4m3fn), torch.full((2, 2), 0.5).to(torch.float8_e4m3fn)
    assert torch.equal(expanded(weight, scale, Fp8("fp8", (2, 2)), "w"), torch.full((4, 4), 0.5, dtype=torch.bfloat16))


@pytest.mark.parametrize(
    ("quantisation", "bits"),
    [
        ("Q4_1", "4-bit"),
        ("Q4_K_M", "4-bit"),
        ("Q4_K_M (Q4_K, Q5_0, Q6_K, Q8_0)", "4- to 8-bit"),
        ("Q4_K, Q6_K", "4- to 6-bit"),
        ("IQ4_NL", "4-bit"),
        ("Q8_0 (F16, Q8_0)", "8-bit"),
        ("FP8 (fp8, blocks of 128 x 128)", "8-bit"),
    ],
)
def test_words_name_the_bits_of_all_kinds_in_a_layer(quantisation, bits):
    assert in_words(quantisation) == f"{quantisation}: {bits} weights, dequantised"
