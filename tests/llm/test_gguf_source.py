"""A GGUF file as the model of a bottleneck: wherever a folder works, it works."""

import pytest
import torch
from gguf_models import save_gguf

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.locate import config_at_hand, find_gguf, locate
from nnunet_llm4seg.llm.source import LayerSpec, prepare_layer


@pytest.fixture
def model(tmp_path):
    import gguf

    return save_gguf(tmp_path / "model.gguf", kind=gguf.GGMLQuantizationType.Q8_0)


def test_bottleneck_runs_on_a_quantised_layer_and_its_spec_says_so(model):
    block = LLMBottleneck(8, LLM4SegConfig(model=str(model), layer=1))
    assert block(torch.randn(2, 8, 3, 4)).shape == (2, 8, 3, 4)
    assert block.spec.quantisation == "Q8_0"
    assert LayerSpec.from_dict(block.spec.to_dict()) == block.spec
    assert set(block.spec.dtypes.values()) == {"bfloat16"}


def test_spec_of_a_folder_is_written_as_before(llama):
    assert prepare_layer(LLM4SegConfig(model=str(llama), layer=0)).spec.to_dict().keys() == {
        "model_config",
        "dtypes",
        "sha256",
    }


def test_random_and_shuffled_layers_come_from_a_gguf_file_too(model):
    pretrained, random, shuffled = (
        prepare_layer(LLM4SegConfig(model=str(model), layer=1, weights=weights))
        for weights in ("pretrained", "random", "shuffled")
    )
    assert pretrained.spec.dtypes == random.spec.dtypes == shuffled.spec.dtypes
    assert len({p.spec.sha256 for p in (pretrained, random, shuffled)}) == 3
    assert random.spec.quantisation is None and shuffled.spec.quantisation == "Q8_0"


def test_plan_knows_its_configuration(model):
    assert config_at_hand(str(model), None)["hidden_size"] == 64


def test_another_file_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"pickled")
    with pytest.raises(ModelFilesError, match="is no GGUF file; give one, or a folder"):
        find_gguf(str(tmp_path / "model.bin"))


def test_name_of_a_folder_and_of_an_ollama_model_is_refused(tmp_path, monkeypatch):
    (tmp_path / "store/manifests/registry.ollama.ai/library/llama").mkdir(parents=True)
    (tmp_path / "store/blobs").mkdir()
    (tmp_path / f"store/blobs/sha256-{'ab' * 32}").write_bytes(b"GGUF")
    layer = f'{{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:{"ab" * 32}"}}'
    manifest = tmp_path / "store/manifests/registry.ollama.ai/library/llama/latest"
    manifest.write_text(f'{{"layers": [{layer}]}}')
    (tmp_path / "here/llama").mkdir(parents=True)
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(
        ModelFilesError, match=r"a folder here and a model of Ollama; give '\./llama' or 'llama:latest'"
    ):
        find_gguf("llama")
    assert find_gguf("./llama") is None
    assert find_gguf("llama:latest").read_bytes() == b"GGUF"


def test_a_folder_of_gguf_files_says_that_a_file_is_to_be_named(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelFilesError, match=r"holds GGUF files; name one of them, such as .*m\.gguf"):
        locate(str(tmp_path), None, 0)
