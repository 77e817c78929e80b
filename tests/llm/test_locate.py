import json

import pytest

from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.llm.locate import locate, locate_config
from nnunet_llm4seg.llm.model_config import read_model_config


def test_a_folder_is_its_own_location(llama):
    assert locate(str(llama), None, 0) == llama


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Empty caches, and a hub that is not asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path / "ours"))
    return tmp_path


def add_snapshot(caches, *files):
    repository = caches / "hf" / "models--org--name"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for file in files:
        (snapshot / file).write_text('{"model_type": "llama", "weight_map": {"a": "1.safetensors"}}')
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    return snapshot


def add_fetched(caches, layer, commit="b" * 40, revisions=("main",), fetched="2025-01-01"):
    folder = caches / "ours" / "models--org--name" / commit / f"layer-{layer}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "config.json").write_text('{"model_type": "llama"}')
    about = {"repository": "org/name", "commit": commit, "revisions": revisions, "layer": layer, "fetched": fetched}
    hashes = dict.fromkeys(("layer_sha256", "file_sha256", "config_sha256"), "")
    (folder / "provenance.json").write_text(json.dumps({**about, **hashes}))
    return folder


def test_a_whole_model_in_the_hugging_face_cache_is_found_by_id_and_revision(caches):
    snapshot = add_snapshot(caches, "config.json", "model.safetensors")
    assert locate("org/name", None, 0) == snapshot
    assert locate("org/name", "a" * 40, 0) == snapshot
    with pytest.raises(ModelNotFoundError, match="llm4seg fetch org/name --layer 0 --revision other"):
        locate("org/name", "other", 0)


def test_a_model_of_which_a_shard_is_missing_is_not_taken_for_whole(caches):
    snapshot = add_snapshot(caches, "config.json", "model.safetensors.index.json")
    with pytest.raises(ModelNotFoundError, match="layer 0 of 'org/name' is not on this machine"):
        locate("org/name", None, 0)
    (snapshot / "1.safetensors").write_bytes(b"")
    assert locate("org/name", None, 0) == snapshot


def test_a_fetched_layer_comes_before_the_hugging_face_cache(caches):
    snapshot = add_snapshot(caches, "config.json", "model.safetensors")
    fetched = add_fetched(caches, 14)
    assert locate("org/name", None, 14) == fetched
    assert locate("org/name", "b" * 40, 14) == fetched
    assert locate("org/name", None, 3) == snapshot


def test_main_is_what_was_fetched_last_and_a_commit_stays_what_it_is(caches):
    old = add_fetched(caches, 14, "b" * 40, fetched="2025-01-01")
    new = add_fetched(caches, 14, "c" * 40, fetched="2025-06-01")
    tag = add_fetched(caches, 14, "d" * 40, revisions=("v1",), fetched="2025-07-01")
    assert locate("org/name", None, 14) == new
    assert locate("org/name", "b" * 40, 14) == old
    assert locate("org/name", "v1", 14) == tag


def test_random_weights_need_no_more_than_a_configuration(caches):
    add_snapshot(caches, "config.json")
    assert locate_config("org/name", None, 14)["model_type"] == "llama"
    assert locate_config("meta-llama/Llama-3.2-1B", None, 14)["hidden_size"] == 2048
    with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE"):
        locate_config("org/unknown", None, 14)


def test_a_missing_folder_is_named_with_what_to_do(caches):
    with pytest.raises(ModelNotFoundError, match=r"'/no/such/folder' is neither a folder.*give an existing folder"):
        locate("/no/such/folder", None, 3)


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(ModelFilesError, match=r"no config\.json"):
        locate(str(tmp_path), None, 0)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"hidden_size": 4})])
def test_a_damaged_or_foreign_config_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelFilesError, match=r"config\.json"):
        read_model_config(tmp_path)


def test_the_path_of_whoever_saved_a_model_is_not_kept(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "_name_or_path": "/home/someone"}))
    assert read_model_config(tmp_path) == {"model_type": "llama"}
