"""One layer from a GGUF file, against `transformers`' own loader of whole GGUF models."""

import re
import struct
from dataclasses import replace

import gguf
import numpy as np
import pytest
import torch
import transformers
from gguf_models import MODELS, save_gguf

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.gguf_files import GGUFModel

Kind = gguf.GGMLQuantizationType


def shapes_of(model: GGUFModel, layer: int = 1) -> dict[str, tuple[int, ...]]:
    return dict(build_layer(describe_layer(model.config, layer)).shapes())


def transformers_layer(path, layer: int = 1) -> dict[str, torch.Tensor]:
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    inner = re.compile(rf"(?:^|\.)(?:layers|h|layer)\.{layer}\.(.*)")
    return {m[1]: t for name, t in model.state_dict().items() if (m := inner.search(name))}


@pytest.mark.parametrize("architecture", [name for name in MODELS if name != "bert"])
@pytest.mark.skipif(transformers.__version__.startswith("4."), reason="older loaders know fewer architectures")
def test_layer_is_what_transformers_loads(architecture, tmp_path):
    path = save_gguf(tmp_path / "model.gguf", architecture)
    model = GGUFModel(path)
    ours, theirs = model.read_layer(1, shapes_of(model)), transformers_layer(path)
    assert ours.keys() == {name for name in theirs if name in ours} and len(ours) >= 6
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_bert_layer_has_the_files_values(tmp_path):
    path = save_gguf(tmp_path / "model.gguf", "bert")
    model = GGUFModel(path)
    ours = model.read_layer(1, shapes_of(model))
    stored = {t.name: t.data for t in gguf.GGUFReader(path).tensors}
    assert np.array_equal(ours["attention.self.query.weight"], stored["blk.1.attn_q.weight"])
    assert np.array_equal(ours["output.LayerNorm.bias"], stored["blk.1.layer_output_norm.bias"])
    assert len(ours) == 16


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"])
@pytest.mark.skipif(transformers.__version__.startswith("4."), reason="older loaders know fewer architectures")
def test_quantised_matrices_are_expanded_and_rounded_to_bfloat16(kind, tmp_path):
    path = save_gguf(tmp_path / "model.gguf", kind=Kind[kind])
    model = GGUFModel(path)
    ours, theirs = model.read_layer(1, shapes_of(model)), transformers_layer(path)
    dtype = torch.float16 if kind == "F16" else torch.bfloat16
    for name, tensor in ours.items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor, theirs[name].to(dtype)), name
    assert model.quantisation(1) == (kind if kind.startswith("Q") else None)


def test_mixed_quantisation_names_file_type_and_matrices(tmp_path):
    path = save_gguf(tmp_path / "m.gguf", kind=Kind.Q8_0, values={"general.file_type": 15})
    assert GGUFModel(path).quantisation(0) == "Q4_K_M (Q8_0)"


def test_k_quants_can_be_read(tmp_path):
    rows = np.zeros((64, 256 // 256 * 144), np.uint8)
    assert gguf.dequantize(rows, Kind.Q4_K).shape == (64, 256)
    values = {"embedding_length": 256, "rope.dimension_count": 64}
    assert GGUFModel(save_gguf(tmp_path / "m.gguf", values=values)).config["head_dim"] == 64


def test_llama3_scaling_is_recognised_by_its_divisors(tmp_path):
    from nnunet_llm4seg.llm.rotary_scaling import llama3_frequency

    scaling = {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    plain = [500000.0 ** (-pair / 8) for pair in range(8)]
    divisors = np.array([f / llama3_frequency(f, scaling) for f in plain], np.float32)
    tensors = {"rope_freqs.weight": divisors}
    path = save_gguf(tmp_path / "m.gguf", values={"rope.freq_base": 500000.0}, tensors=tensors)
    assert GGUFModel(path).config["rope_scaling"] == scaling
    other = save_gguf(tmp_path / "o.gguf", tensors={"rope_freqs.weight": np.full(8, 3, np.float32)})
    assert GGUFModel(other).config["rope_scaling"]["rope_type"] == "divisors of an unknown kind"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"values": {"expert_count": 8}}, "sets llama.expert_count = 8, which is not supported"),
        ({"values": {"rope.scaling.type": "yarn"}}, "rope.scaling.type = 'yarn'"),
        ({"values": {"embedding_length": None}}, "lacks llama.embedding_length"),
        ({"values": {"general.type": "adapter"}}, "of the kind 'adapter', and no language model"),
        ({"values": {"general.type": "mmproj"}}, "projector of a vision model"),
        ({"values": {"block_count": 0}}, "sets llama.block_count = 0, which must be a positive whole number"),
        ({"values": {"embedding_length": "64"}}, "embedding_length = '64', which must be a positive whole number"),
        (
            {"values": {"attention.head_count_kv": 3}},
            r"attn_k\.weight .* \(32, 64\), which does not fit the file's values",
        ),
        ({"architecture": "gemma3", "values": {"rope.scaling.type": "linear"}}, r"do not fit each other \(KeyError"),
        (
            {"values": {"rope.freq_base": -1.0}, "tensors": {"rope_freqs.weight": np.ones(8, np.float32)}},
            "the rotary frequencies in .* make no sense",
        ),
    ],
)
def test_what_is_not_understood_is_refused(more, message, tmp_path):
    with pytest.raises(ModelFilesError, match=message):
        model = GGUFModel(save_gguf(tmp_path / "m.gguf", **more))
        shapes = shapes_of(model)
        model.read_layer(1, shapes)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            999,
            r"is of ggml's type 999, which the installed gguf does not know; install a newer gguf, or choose another",
        ),
        (int(Kind.Q8_1), r"is stored as Q8_1, which the installed gguf cannot read; choose another quantisation"),
    ],
)
def test_a_quantisation_that_cannot_be_expanded_is_refused_by_name(kind, message, tmp_path):
    model = GGUFModel(save_gguf(tmp_path / "m.gguf"))
    shapes, name = shapes_of(model), "blk.1.attn_q.weight"
    tensors = model.headers[0].tensors
    tensors[name] = replace(tensors[name], kind=kind)
    with pytest.raises(ModelFilesError, match=f"{re.escape(name)} of .* {message}"):
        model.read_layer(1, shapes)


def test_tensor_that_the_family_does_not_have_is_refused(tmp_path):
    path = save_gguf(tmp_path / "m.gguf", tensors={"blk.1.attn_sinks.weight": np.zeros(4, np.float32)})
    model = GGUFModel(path)
    with pytest.raises(ModelFilesError, match=r"holds blk\.1\.attn_sinks\.weight, which a layer of the family llama"):
        model.read_layer(1, shapes_of(model))


def test_missing_layer_names_those_that_are_there(tmp_path):
    model = GGUFModel(save_gguf(tmp_path / "m.gguf"))
    with pytest.raises(ModelFilesError, match="no tensors of layer 7; it has layers 0 to 1"):
        model.read_layer(7, shapes_of(model))


def test_unknown_architecture_is_refused_by_name(tmp_path):
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "rwkv7")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelFilesError, match="architecture 'rwkv7'; choose a model of llama, qwen2"):
        GGUFModel(path)


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.99])
def test_truncated_file_is_refused(share, tmp_path):
    path = save_gguf(tmp_path / "m.gguf")
    shapes = shapes_of(GGUFModel(path))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFilesError, match="download it again"):
        GGUFModel(path).read_layer(1, shapes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62) + b"key",
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 4, 2**61),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 3),
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 0, 1) + b"t" + struct.pack("<I", 2**31),
    ],
)
def test_hostile_header_is_refused_at_once(content, tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match="is not a GGUF file, or is damaged"):
        GGUFModel(path)
