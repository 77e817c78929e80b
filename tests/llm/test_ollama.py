import json

import pytest

from nnunet_llm4seg.errors import ModelFilesError
from nnunet_llm4seg.llm.ollama import find_in_ollama

DIGEST = "ab" * 32


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    (tmp_path / "blobs").mkdir()
    return tmp_path


def pull(store, *parts, digest=f"sha256:{DIGEST}", kind="application/vnd.ollama.image.model"):
    manifest = store.joinpath("manifests", *parts)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": kind, "digest": digest},
        {"mediaType": "application/vnd.ollama.image.license", "digest": ""},
    ]
    manifest.write_text(json.dumps({"layers": layers}))
    (store / "blobs" / f"sha256-{DIGEST}").write_bytes(b"GGUF")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("llama3.2:1b", ("registry.ollama.ai", "library", "llama3.2", "1b")),
        ("llama3.2", ("registry.ollama.ai", "library", "llama3.2", "latest")),
        ("someone/model:q8", ("registry.ollama.ai", "someone", "model", "q8")),
        ("hf.co/org/model:Q4_K_M", ("hf.co", "org", "model", "Q4_K_M")),
    ],
)
def test_name_leads_to_its_file(name, parts, store):
    pull(store, *parts)
    assert find_in_ollama(name) == store / "blobs" / f"sha256-{DIGEST}"


def test_unknown_name_is_no_ollama_model(store):
    assert find_in_ollama("llama3.2:1b") is None


@pytest.mark.parametrize("name", ["../../secret:x", "a/../b", "/etc/passwd", "a:b:c", "a//b", "", "a/b/c/d/e", "..:x"])
def test_name_that_would_leave_the_store_is_not_looked_up(name, store):
    assert find_in_ollama(name) is None


@pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "md5:1", 3, f"sha256:{DIGEST}\n"])
def test_manifest_that_points_elsewhere_is_refused(digest, store):
    pull(store, "registry.ollama.ai", "library", "m", "latest", digest=digest)
    with pytest.raises(ModelFilesError, match="names no single model file; run `ollama pull m` again"):
        find_in_ollama("m")


def test_missing_file_is_named(store):
    pull(store, "registry.ollama.ai", "library", "m", "latest")
    (store / "blobs" / f"sha256-{DIGEST}").unlink()
    with pytest.raises(ModelFilesError, match="is missing; run `ollama pull m` again"):
        find_in_ollama("m")
