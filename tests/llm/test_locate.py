import json

import pytest

from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.llm.locate import locate, read_model_config


def test_a_folder_is_its_own_location(llama):
    assert locate(str(llama), None, 0) == llama


def test_a_snapshot_in_the_hugging_face_cache_is_found_by_id_and_revision(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    assert locate("org/name", None, 0) == snapshot
    assert locate("org/name", "a" * 40, 0) == snapshot
    with pytest.raises(ModelNotFoundError, match="'org/name' at revision 'other'"):
        locate("org/name", "other", 0)


def test_a_missing_model_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match=r"layer 3 of '/no/such/folder'.*give an existing folder"):
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
