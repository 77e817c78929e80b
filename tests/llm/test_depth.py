"""Consecutive layers as one unit: names, hash, values; with one layer everything is as before."""

import copy

import pytest
import torch
from gguf_models import save_gguf
from local_hub import LocalHub
from tiny_models import LLAMA, layer_tensors, save_model

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import ConfigError, LayerMismatchError, ModelFilesError
from nnunet_llm4seg.llm import cache
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer import LLMLayer
from nnunet_llm4seg.llm.locate import locate
from nnunet_llm4seg.llm.source import prepare_layer
from nnunet_llm4seg.plans.make import make_plans
from nnunet_llm4seg.plans.memory import estimate_share

X = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0))


def config(folder, **fields):
    return LLM4SegConfig.from_dict({"model": str(folder), "layer": 0, "depth": 2, **fields})


@pytest.mark.parametrize(("first", "depth"), [(0, 2), (1, 2), (0, 3)])
def test_tokens_go_through_one_layer_after_the_other(llama, first, depth):
    both = LLMLayer(config(llama, layer=first, depth=depth, positions="axial"))
    tokens = expected = torch.randn(2, 12, both.hidden_size)
    for i in range(first, first + depth):
        expected = LLMLayer(config(llama, layer=i, depth=1, positions="axial"))(expected, (3, 4))
    assert torch.equal(both(tokens, (3, 4)), expected)


def test_layers_keep_their_own_windows_and_tables(tmp_path):
    folder = save_model(tmp_path, model_type="gemma2", pad_token_id=0, head_dim=16, sliding_window=4)
    tokens = torch.randn(1, 12, 32)
    one, two = (LLMLayer(config(folder, layer=i, depth=1, positions="rope")) for i in (0, 1))
    torch.testing.assert_close(LLMLayer(config(folder, positions="rope"))(tokens), two(one(tokens)))


def test_the_unit_has_numbered_names_and_one_sha256_over_all(llama):
    block = LLMBottleneck(6, config(llama))
    held = {f"{i}.{name}": t for i in (0, 1) for name, t in layer_tensors(llama, i).items()}
    state = block.state_dict()
    assert {k for k in state if k.startswith("layer.")} == {f"layer.{name}" for name in held}
    assert all(torch.equal(state[f"layer.{name}"], tensor) for name, tensor in held.items())
    assert block.spec.sha256 == layer_sha256(held)
    assert set(block.spec.dtypes) == set(held)


def test_a_single_layer_has_the_names_and_the_sha256_that_it_always_had(llama):
    spec = prepare_layer(config(llama, layer=1, depth=1)).spec
    assert spec.sha256 == layer_sha256(layer_tensors(llama, 1))
    assert set(spec.dtypes) == set(layer_tensors(llama, 1))


@pytest.mark.parametrize("fields", [{}, {"embed_weights": False}, {"trainable": True}, {"weights": "random"}], ids=str)
def test_a_skeleton_loads_what_was_saved(llama_bf16, fields):
    block = LLMBottleneck(6, config(llama_bf16, **fields))
    again = LLMBottleneck(6, block.config, spec=block.spec)
    again.load_state_dict(block.state_dict())
    assert torch.equal(again(X), block(X))
    assert torch.equal(copy.deepcopy(block)(X), block(X))
    assert all(not part.training for part in again.layer.modules()) == (not fields.get("trainable"))


def test_shuffled_layers_are_not_shuffled_alike(tmp_path):
    folder = save_model(tmp_path)
    tensors = prepare_layer(config(folder, weights="shuffled")).tensors
    for i, single in ((i, layer_tensors(folder, i)) for i in (0, 1)):
        name = "mlp.up_proj.weight"
        assert torch.equal(tensors[f"{i}.{name}"].flatten().sort()[0], single[name].flatten().sort()[0])
        assert not torch.equal(tensors[f"{i}.{name}"], single[name])


def test_other_layers_of_the_same_depth_are_refused(llama):
    block, other = LLMBottleneck(6, config(llama)), LLMBottleneck(6, config(llama, layer=1))
    with pytest.raises(LayerMismatchError, match=f"{block.spec.sha256} .layers 0 to 1 of"):
        block.load_state_dict(other.state_dict())


def test_two_layers_compile_to_one_graph(llama):
    block = LLMBottleneck(6, config(llama))
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(X), block(X))


def test_a_depth_beyond_the_last_layer_is_refused_when_planned_and_when_read(llama):
    wanted = {"model": str(llama), "layer": 1, "depth": 3}
    sentence = "depth: 3 layers from layer 1 on would end at layer 3, .* layers 0 to 2; choose a depth of at most 2"
    with pytest.raises(ModelFilesError, match=sentence):
        prepare_layer(LLM4SegConfig(**wanted))
    with pytest.raises(ModelFilesError, match=sentence):
        make_plans({"plans_name": "P", "configurations": {}}, [], wanted, "Q")
    with pytest.raises(ConfigError, match="depth: 0 is not allowed"):
        LLM4SegConfig(depth=0)


def test_a_gguf_file_gives_consecutive_layers(tmp_path):
    import gguf

    file = save_gguf(tmp_path / "model.gguf", kind=gguf.GGMLQuantizationType.Q8_0)
    both = prepare_layer(config(file))
    singles = [prepare_layer(config(file, layer=i, depth=1)) for i in (0, 1)]
    assert both.spec.quantisation == "Q8_0"
    for i, single in enumerate(singles):
        assert all(torch.equal(both.tensors[f"{i}.{name}"], tensor) for name, tensor in single.tensors.items())


def test_the_estimate_counts_every_layer():
    one, two = (estimate_share(LLAMA, LLM4SegConfig(layer=0, depth=n), 8, (4, 4), 2) for n in (1, 2))
    assert two.layer_parameters == 2 * one.layer_parameters and two.file_bytes == 2 * one.file_bytes
    assert two.trained_parameters == one.trained_parameters
    assert two.activation_bytes > one.activation_bytes


@pytest.fixture
def hub(llama):
    hub = LocalHub()
    hub.add("org/tiny", llama)
    yield hub
    hub.close()


def test_consecutive_layers_are_fetched_as_one_folder_that_serves_each_of_them(hub, llama, tmp_path, monkeypatch):
    folder = hub.fetch(tmp_path, "org/tiny", 1, arguments={"depth": 2})["folder"]
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path / "cache"))
    (cached,) = cache.entries()
    assert (str(cached.folder), cached.layers, cached.folder.name) == (folder, "layers 1 to 2", "layer-1-depth-2")
    assert cached.provenance["layer_sha256"] == prepare_layer(config(llama, layer=1)).spec.sha256
    assert cache.problems(cached) == []
    for layer, depth in ((1, 1), (2, 1), (1, 2)):
        assert locate("org/tiny", None, layer, depth) == cached.folder
        fetched = prepare_layer(config("org/tiny", layer=layer, depth=depth)).spec.sha256
        assert fetched == prepare_layer(config(llama, layer=layer, depth=depth)).spec.sha256
    assert cache.find("org/tiny", None, 0, 2) is None is cache.find("org/tiny", None, 2, 2)
    assert cache.remove("org/tiny", 1) == [cached] and not cache.entries()


def test_fetching_beyond_the_last_layer_is_refused_before_anything_is_downloaded(hub, tmp_path):
    assert "choose a depth of at most 1" in str(hub.fetch(tmp_path, "org/tiny", 2, arguments={"depth": 2}))
    assert not list((tmp_path / "cache").glob("models--*/*/layer-*"))
