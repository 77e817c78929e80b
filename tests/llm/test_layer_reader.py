import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import layer_tensors, save_model

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import read_tensors
from nnunet_llm4seg.llm.source import prepare_layer


def prepare(folder, layer=1, **fields):
    """The layer's spec and tensors."""
    prepared = prepare_layer(LLM4SegConfig(model=str(folder), layer=layer, **fields))
    return prepared.spec, prepared.tensors


def test_a_layer_is_read_as_it_stands_in_the_file(llama_bf16):
    spec, tensors = prepare(llama_bf16)
    expected = layer_tensors(llama_bf16, 1)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert set(spec.dtypes.values()) == {"bfloat16"}


def test_only_the_layers_own_tensors_are_read(llama, monkeypatch):
    import nnunet_llm4seg.llm.layer_reader as module

    read = []

    def watched(path, entries):
        read.extend(entry.name for entry in entries.values())
        return read_tensors(path, entries)

    monkeypatch.setattr(module, "read_tensors", watched)
    prepare(llama, 2)
    assert len(read) == 9
    assert all(".2." in name for name in read)


def test_shards_give_the_same_layer_as_one_file(llama, tmp_path):
    every = load_file(llama / "model.safetensors")
    names = sorted(every)
    weight_map = {}
    for part, chunk in enumerate((names[::2], names[1::2])):
        file = f"model-0000{part + 1}-of-00002.safetensors"
        save_file({n: every[n] for n in chunk}, tmp_path / file)
        weight_map.update(dict.fromkeys(chunk, file))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    shutil.copy(llama / "config.json", tmp_path)
    assert prepare(tmp_path)[0].sha256 == prepare(llama)[0].sha256
    (tmp_path / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(ModelFilesError, match="download all shards"):
        prepare(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(ModelFilesError, match="damaged"):
        prepare(tmp_path)


def test_the_hash_is_over_sorted_names_with_dtype_shape_and_bytes():
    tensors = {"b": torch.tensor([1.5], dtype=torch.bfloat16), "a": torch.zeros(2, 1)}
    by_hand = hashlib.sha256(b"a|float32|[2, 1]|" + bytes(8) + b"b|bfloat16|[1]|" + bytes([0xC0, 0x3F]))
    assert layer_sha256(tensors) == by_hand.hexdigest()


def test_a_layer_out_of_range_names_the_range(llama):
    with pytest.raises(ModelFilesError, match="layer: 3 is out of range; this model has layers 0 to 2"):
        prepare(llama, 3)


def test_a_folder_with_one_layer_only_says_which(llama, tmp_path):
    shutil.copy(llama / "config.json", tmp_path)
    every = load_file(llama / "model.safetensors")
    save_file({n: t for n, t in every.items() if "layers.2." in n}, tmp_path / "model.safetensors")
    assert prepare(tmp_path, 2)[0].sha256 == prepare(llama, 2)[0].sha256
    with pytest.raises(ModelFilesError, match="no tensors of layer 1; it contains 2;"):
        prepare(tmp_path, 1)


def test_pickled_weights_are_refused(llama, tmp_path):
    shutil.copy(llama / "config.json", tmp_path)
    with pytest.raises(ModelFilesError, match=r"contains no model\.safetensors"):
        prepare(tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelFilesError, match="never loaded because they can run code"):
        prepare(tmp_path)


@pytest.mark.parametrize("kept", [4, 200, -100])
def test_a_truncated_file_is_refused(llama, tmp_path, kept):
    shutil.copy(llama / "config.json", tmp_path)
    content = (llama / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[:kept])
    with pytest.raises(ModelFilesError, match="is not a safetensors file, or is damaged"):
        prepare(tmp_path)


def _changed(llama, tmp_path, change):
    shutil.copy(llama / "config.json", tmp_path)
    every = load_file(llama / "model.safetensors")
    change(every)
    save_file(every, tmp_path / "model.safetensors")
    return tmp_path


def test_a_missing_tensor_is_named(llama, tmp_path):
    folder = _changed(llama, tmp_path, lambda every: every.pop("layers.1.mlp.up_proj.weight"))
    with pytest.raises(ModelFilesError, match=r"lacks the tensor layers\.1\.mlp\.up_proj\.weight"):
        prepare(folder)


@pytest.mark.parametrize("name", ["self_attn.inner_attn_ln.weight", "self_attn.q_proj.bias", "self_attn.sinks"])
def test_a_tensor_that_the_layer_would_not_use_is_named(llama, tmp_path, name):
    folder = _changed(llama, tmp_path, lambda every: every.update({f"layers.1.{name}": torch.zeros(32)}))
    with pytest.raises(ModelFilesError, match=rf"holds layers\.1\.{name}, which the family's layer does not use"):
        prepare(folder)
    assert prepare(folder, 2)[0].sha256 == prepare(llama, 2)[0].sha256


def test_what_transformers_makes_anew_may_be_in_the_file(llama, tmp_path):
    name = "layers.1.self_attn.rotary_emb.inv_freq"
    folder = _changed(llama, tmp_path, lambda every: every.update({name: torch.zeros(4)}))
    assert prepare(folder)[0].sha256 == prepare(llama)[0].sha256


@pytest.mark.parametrize(
    "file", ["../secret.safetensors", "/etc/secret.safetensors", "..\\secret.safetensors", "a.bin"]
)
def test_an_index_that_names_files_elsewhere_is_refused(llama, tmp_path, file):
    shutil.copy(llama / "config.json", tmp_path)
    names = load_file(llama / "model.safetensors")
    index = {"weight_map": dict.fromkeys(names, file)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelFilesError, match="only safetensors files beside it are read"):
        prepare(tmp_path)


def _with_header(llama, tmp_path, header: bytes):
    shutil.copy(llama / "config.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    return tmp_path


def test_a_header_nested_without_end_is_one_sentence(llama, tmp_path):
    folder = _with_header(llama, tmp_path, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    with pytest.raises(ModelFilesError, match="is not a safetensors file, or is damaged"):
        prepare(folder)
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(ModelFilesError, match=r"config\.json"):
        prepare(folder)


@pytest.mark.parametrize("shape", [[-4, -4], [4.0, 4], [-1]])
def test_a_shape_that_is_none_is_refused(llama, tmp_path, shape):
    entry = {"layers.1.mlp.up_proj.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 64]}}
    folder = _with_header(llama, tmp_path, json.dumps(entry).encode())
    with pytest.raises(ModelFilesError, match=r"is damaged .*has the shape"):
        prepare(folder)


def test_a_tensor_of_the_wrong_shape_is_named_with_both_shapes(llama, tmp_path):
    wrong = torch.zeros(5, 32)
    folder = _changed(llama, tmp_path, lambda every: every.update({"layers.1.mlp.up_proj.weight": wrong}))
    with pytest.raises(ModelFilesError, match=r"up_proj.*\(5, 32\).*\(48, 32\)"):
        prepare(folder)


def test_quantised_weights_are_refused(llama, tmp_path):
    wrong = torch.zeros(48, 32, dtype=torch.int8)
    folder = _changed(llama, tmp_path, lambda every: every.update({"layers.1.mlp.up_proj.weight": wrong}))
    with pytest.raises(ModelFilesError, match=r"is I8;.*unquantised"):
        prepare(folder)


def test_an_unknown_family_is_named(llama, tmp_path):
    config = json.loads((llama / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    with pytest.raises(ModelFilesError, match=r"'mamba'.*llama"):
        prepare(tmp_path)


def test_a_configuration_that_cannot_be_built_is_named(llama, tmp_path):
    config = json.loads((llama / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_act": "no_such_function"}))
    with pytest.raises(ModelFilesError, match="no_such_function"):
        prepare(tmp_path)


def test_random_needs_the_config_only_and_is_fresh_in_every_parameter(llama_bf16, tmp_path):
    shutil.copy(llama_bf16 / "config.json", tmp_path)
    spec, tensors = prepare(tmp_path, weights="random", seed=3)
    assert prepare(tmp_path, weights="random", seed=3)[0] == spec
    assert prepare(tmp_path, weights="random", seed=4)[0].sha256 != spec.sha256
    assert set(spec.dtypes.values()) == {"bfloat16"}
    assert tensors["mlp.up_proj.weight"].float().std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(tensors["input_layernorm.weight"], torch.ones(32, dtype=torch.bfloat16))


PRINT_SHA256 = """
import sys
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.source import prepare_layer
print(prepare_layer(LLM4SegConfig(model=sys.argv[1], layer=1, weights=sys.argv[2])).spec.sha256)
"""


@pytest.mark.parametrize("weights", ["random", "shuffled"])
def test_a_seed_gives_the_same_layer_on_every_kind_of_cpu(llama, weights):
    command = [sys.executable, "-c", PRINT_SHA256, str(llama), weights]
    plain = subprocess.run(
        command, env={**os.environ, "ATEN_CPU_CAPABILITY": "default"}, capture_output=True, text=True, check=True
    )
    assert plain.stdout.strip() == prepare(llama, weights=weights)[0].sha256


def test_shuffled_permutes_matrices_and_keeps_vectors(tmp_path):
    folder = save_model(tmp_path, model_type="qwen2")
    tensors = prepare(folder)[1]
    spec, mixed = prepare(folder, weights="shuffled", seed=1)
    assert prepare(folder, weights="shuffled", seed=1)[0] == spec
    for name, tensor in tensors.items():
        assert torch.equal(mixed[name].flatten().sort().values, tensor.flatten().sort().values)
        assert torch.equal(mixed[name], tensor) == (tensor.ndim == 1)


def test_making_weights_leaves_the_global_generator_alone(llama):
    before = torch.get_rng_state()
    prepare(llama, weights="random")
    prepare(llama, weights="shuffled")
    assert torch.equal(torch.get_rng_state(), before)
