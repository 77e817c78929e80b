import json

import pytest

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import CacheError, ModelFilesError
from nnunet_llm4seg.llm import cache
from nnunet_llm4seg.llm.hashing import file_sha256
from nnunet_llm4seg.llm.safetensors_files import local_entries
from nnunet_llm4seg.llm.source import prepare_layer


@pytest.fixture
def fetched(llama, tmp_path, monkeypatch):
    """A cache with layers 1 and 2 of a tiny LLaMA."""
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path / "home"))
    for layer in (1, 2):
        folder = cache.folder_for("org/tiny", "c" * 40, layer)
        folder.mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            (folder / name).write_bytes((llama / name).read_bytes())
        about = {
            "repository": "org/tiny",
            "commit": "c" * 40,
            "revisions": ["main"],
            "layer": layer,
            "source_dtype": "float32",
            "layer_sha256": cache.hash_layer(folder / "model.safetensors", folder / "config.json", layer),
            "file_sha256": file_sha256(folder / "model.safetensors"),
            "config_sha256": file_sha256(folder / "config.json"),
            "licence": "mit",
            "fetched": "2025-01-01T00:00:00+00:00",
        }
        (folder / "provenance.json").write_text(json.dumps(about))
    return tmp_path / "home"


def test_the_place_is_the_variables_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path))
    assert cache.home() == tmp_path
    monkeypatch.delenv("LLM4SEG_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.home() == tmp_path / "xdg" / "llm4seg"


def test_a_folder_without_provenance_is_no_layer(fetched):
    (cache.folder_for("org/tiny", "c" * 40, 1) / "provenance.json").unlink()
    assert [cached.layer for cached in cache.entries()] == [2]


@pytest.mark.parametrize(
    "claim",
    [
        {"repository": "meta-llama/Llama-3.2-1B"},
        {"commit": "d" * 40},
        {"layer": 14},
        {"revisions": 1},
        {"fetched": 1},
    ],
    ids=str,
)
def test_the_path_says_what_a_folder_holds_and_not_its_content(fetched, claim):
    path = cache.folder_for("org/tiny", "c" * 40, 1) / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **claim}))
    assert [cached.layer for cached in cache.entries()] == [2]
    assert cache.find("meta-llama/Llama-3.2-1B", None, None) is None
    assert cache.find("org/tiny", None, 14) is None


def test_a_link_to_a_foreign_folder_is_no_layer(fetched, tmp_path):
    folder = cache.folder_for("org/tiny", "c" * 40, 1)
    folder.rename(tmp_path / "foreign")
    folder.symlink_to(tmp_path / "foreign")
    assert [cached.layer for cached in cache.entries()] == [2]


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_changed_byte_is_found(fetched, file):
    path = cache.find("org/tiny", None, 1).folder / file
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert f"{file} has a different sha256" in cache.problems(cache.find("org/tiny", None, 1))[0]
    assert cache.problems(cache.find("org/tiny", None, 2)) == []


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("weights", ["pretrained", "shuffled"])
def test_a_layer_that_is_not_what_was_fetched_is_not_trained_with(fetched, file, weights):
    asked = LLM4SegConfig(model="org/tiny", layer=1, weights=weights)
    prepare_layer(asked)
    path = cache.find("org/tiny", None, 1).folder / file
    content = bytearray(path.read_bytes())
    if file == "model.safetensors":
        content[_end_of_a_tensor(path, layer=1)] ^= 1
    path.write_bytes(content if file == "model.safetensors" else content + b" ")
    with pytest.raises(
        ModelFilesError, match=f"{file} has a different sha256 than when it was fetched.*fetch it again"
    ):
        prepare_layer(asked)
    assert prepare_layer(LLM4SegConfig(model="org/tiny", layer=2))


def test_a_fetched_layer_is_hashed_once_and_its_file_is_not(fetched, monkeypatch):
    hashed = []
    monkeypatch.setattr(cache, "file_sha256", lambda path: hashed.append(path.name) or file_sha256(path))
    layer = prepare_layer(LLM4SegConfig(model="org/tiny", layer=1))
    assert layer.spec.sha256 == cache.find("org/tiny", None, 1).provenance["layer_sha256"]
    assert hashed == ["config.json"]


def _end_of_a_tensor(path, layer):
    """The last byte of a tensor of this layer."""
    return max(entry.end for entry in local_entries(path) if f"layers.{layer}." in entry.name) - 1


def test_removing_one_layer_keeps_the_other(fetched):
    cache.remove("org/tiny", 1)
    assert [cached.layer for cached in cache.entries()] == [2]
    cache.remove("org/tiny", None)
    assert not list(fetched.iterdir())


def test_what_is_not_there_is_not_removed(fetched):
    with pytest.raises(
        CacheError, match=r"does not contain layer 5 of org/tiny; it contains org/tiny layer 1, org/tiny lay"
    ):
        cache.remove("org/tiny", 5)


def test_the_commands_list_verify_and_remove(fetched, monkeypatch, capsys):
    pytest.importorskip("typer")
    from nnunet_llm4seg.cli import main

    def run(*words):
        monkeypatch.setattr("sys.argv", ["llm4seg", "cache", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, capsys.readouterr()

    monkeypatch.setenv("COLUMNS", "150")
    code, printed = run("list")
    assert code == 0 and "org/tiny" in printed.out and "mit" in printed.out
    code, printed = run("verify")
    assert code == 0 and printed.out.count(": ok") == 2
    (cache.find("org/tiny", None, 2).folder / "config.json").write_text("{}")
    code, printed = run("verify")
    assert code == 2 and "llm4seg cache remove org/tiny --layer 2" in printed.err
    code, printed = run("remove", "org/tiny", "--layer", "2")
    assert code == 0 and "layer-2" in printed.out
