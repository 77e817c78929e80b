"""Fetching one layer from a local hub, with the installed `huggingface_hub` as the client, in processes of its own."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
import torch
from local_hub import COMMIT, STRANGER, TOKEN, LocalHub, fetch_code
from tiny_models import save_model

from nnunet_llm4seg.llm import cache
from nnunet_llm4seg.llm.build import build_layer
from nnunet_llm4seg.llm.description import describe_layer
from nnunet_llm4seg.llm.fetch import _licence
from nnunet_llm4seg.llm.hashing import layer_sha256
from nnunet_llm4seg.llm.layer_reader import read_layer
from nnunet_llm4seg.llm.model_config import read_model_config

CARD = b"---\nlicense: llama3.2\nlanguage: en\n---\n# A model\n"
LAYER_BYTES = 2 * (2 * 192 * 192 + 2 * 192 * 96 + 3 * 192 * 256 + 2 * 192)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A LLaMA of 16 layers in bfloat16."""
    shape = {"hidden_size": 192, "intermediate_size": 256, "num_hidden_layers": 16, "vocab_size": 1000}
    return save_model(tmp_path_factory.mktemp("model"), torch.bfloat16, **shape)


@pytest.fixture
def hub(model):
    hub = LocalHub()
    hub.add("org/tiny", model, README__md=CARD)
    yield hub
    hub.close()


def tensors(folder, layer=14):
    description = describe_layer(read_model_config(folder), layer)
    return read_layer(folder, description.family, layer, build_layer(description).shapes())


def assert_nothing_is_there(home):
    assert not list((home / "cache").glob("models--*/*/layer-*"))


def test_only_the_layers_bytes_are_downloaded_and_they_are_the_models(hub, model, tmp_path):
    found = hub.fetch(tmp_path)
    header = 8 + int.from_bytes((model / "model.safetensors").read_bytes()[:8], "little")
    assert LAYER_BYTES <= hub.sent <= 1.01 * LAYER_BYTES + header
    folder = Path(found["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "provenance.json"]
    assert (folder / "config.json").read_bytes() == (model / "config.json").read_bytes()
    from transformers import AutoModel

    whole = AutoModel.from_pretrained(model, **_dtype_as_stored()).layers[14].state_dict()
    fetched = tensors(folder)
    assert whole.keys() == fetched.keys()
    assert all(torch.equal(whole[name], fetched[name]) and fetched[name].dtype == torch.bfloat16 for name in whole)


def _dtype_as_stored():
    import transformers

    return {"dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype": "auto"}


def test_the_provenance_names_source_licence_and_hashes(hub, model, tmp_path):
    folder = Path(hub.fetch(tmp_path)["folder"])
    provenance = json.loads((folder / "provenance.json").read_text())
    assert (provenance["repository"], provenance["commit"], provenance["layer"]) == ("org/tiny", COMMIT, 14)
    assert (provenance["source_dtype"], provenance["licence"]) == ("bfloat16", "llama3.2")
    assert provenance["layer_sha256"] == layer_sha256(tensors(model)) == layer_sha256(tensors(folder))
    assert cache.problems(cache.read(folder)) == []


def test_shards_are_read_by_their_index(hub, tmp_path):
    shape = {"hidden_size": 192, "intermediate_size": 256, "num_hidden_layers": 3}
    folder = save_model(tmp_path / "whole", **shape)
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    halves = {"a": {}, "b": {}}
    for i, name in enumerate(sorted(state)):
        halves["ab"[i % 2]][name] = state[name]
    weight_map = {}
    for half, part in halves.items():
        save_file(part, folder / f"model-{half}.safetensors", {"format": "pt"})
        weight_map.update(dict.fromkeys(part, f"model-{half}.safetensors"))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    hub.add("org/shards", folder)
    fetched = tensors(Path(hub.fetch(tmp_path, "org/shards", 1)["folder"]), 1)
    assert all(torch.equal(fetched[name], state[f"layers.1.{name}"]) for name in fetched)


def test_a_layer_that_is_there_is_not_downloaded_again(hub, tmp_path):
    first = hub.fetch(tmp_path)["folder"]
    sent = hub.sent
    assert hub.fetch(tmp_path, arguments={"revision": "v1"})["folder"] == first
    assert hub.sent == sent
    assert cache.read(Path(first)).provenance["revisions"] == ["main", "v1"]


def test_five_processes_at_once_download_once(hub, model, tmp_path):
    hub.pace = 0.01
    processes = [hub.start(fetch_code("org/tiny", 14), tmp_path) for _ in range(5)]
    folders = {process.communicate(timeout=600)[0] for process in processes}
    assert len(folders) == 1 and json.loads(folders.pop())["folder"]
    header = 8 + int.from_bytes((model / "model.safetensors").read_bytes()[:8], "little")
    assert hub.sent <= 1.01 * LAYER_BYTES + header
    assert [p.name for p in (tmp_path / "cache" / "models--org--tiny" / COMMIT).iterdir()] == ["layer-14"]


def test_a_killed_download_is_continued(hub, model, tmp_path):
    hub.pace = 0.05
    process = hub.start(fetch_code("org/tiny", 14), tmp_path)
    deadline = time.monotonic() + 600
    while hub.sent < 200_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert_nothing_is_there(tmp_path)
    partial = next((tmp_path / "cache").glob("models--*/*/.layer-14.*.partial/model.safetensors")).stat().st_size
    assert 100_000 < partial < LAYER_BYTES
    hub.pace, hub.sent = 0.0, 0
    folder = Path(hub.fetch(tmp_path)["folder"])
    assert hub.sent < LAYER_BYTES - 50_000
    assert layer_sha256(tensors(folder)) == layer_sha256(tensors(model))


def test_without_ranges_the_whole_file_is_downloaded_and_it_says_so(hub, model, tmp_path):
    hub.ranges = False
    found = hub.fetch(tmp_path)
    assert "no byte ranges" in found["log"]
    folder = Path(found["folder"])
    assert layer_sha256(tensors(folder)) == layer_sha256(tensors(model))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "provenance.json"]
    assert folder.joinpath("model.safetensors").stat().st_size < 1.01 * LAYER_BYTES + 4096


def test_dropped_connections_are_continued(hub, model, tmp_path):
    hub.drop_after, hub.drops = 1 << 16, 6
    folder = Path(hub.fetch(tmp_path)["folder"])
    assert layer_sha256(tensors(folder)) == layer_sha256(tensors(model))
    assert hub.drops == 0 and hub.sent < 1.2 * LAYER_BYTES


def test_a_silent_server_is_left_after_the_timeout_and_asked_again(hub, tmp_path):
    hub.drop_after, hub.drops, hub.stall = 1 << 16, 1, 8.0
    start = time.monotonic()
    assert "folder" in hub.fetch(tmp_path, HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert time.monotonic() - start < 7


def test_a_server_that_is_busy_for_a_moment_is_asked_again(hub, tmp_path):
    hub.broken = 2
    assert "folder" in hub.fetch(tmp_path)


def test_a_server_that_always_drops_ends_in_one_sentence(hub, tmp_path):
    hub.drop_after, hub.drops = 0, 1000
    found = hub.fetch(tmp_path)
    assert found["error"] == "HubError"
    assert re.search(r"did not send model\.safetensors of org/tiny.*5 times", found["message"])
    assert_nothing_is_there(tmp_path)


def test_a_file_that_changes_meanwhile_is_refused(hub, tmp_path):
    hub.change_after = 2
    found = hub.fetch(tmp_path)
    assert found["error"] == "HubError" and "changed during the download" in found["message"]
    assert_nothing_is_there(tmp_path)


def test_a_damaged_header_is_refused(hub, tmp_path):
    hub.flip = 7  # the highest byte of the header's length
    found = hub.fetch(tmp_path)
    assert found["error"] == "ModelFilesError" and "damaged" in found["message"]
    assert_nothing_is_there(tmp_path)


def test_a_damaged_whole_file_is_refused_by_the_hash_that_the_hub_names(hub, tmp_path):
    hub.ranges, hub.flip = False, 100_000
    found = hub.fetch(tmp_path)
    assert found["error"] == "HubError" and "another sha256" in found["message"]
    assert_nothing_is_there(tmp_path)


# model, layer, token, further arguments; what is raised; what it says
FAULTS = [
    ("org/none", 14, "", {}, "ModelNotFoundError", "'org/none' is neither a folder here"),
    ("org/none", 14, TOKEN, {}, "ModelNotFoundError", "status 404"),
    ("org/tiny", 14, "hf_old", {}, "GatedModelError", "token is not valid"),
    ("org/gated", 14, "", {}, "GatedModelError", "not logged in.*accept its licence at .*org/gated.*hf auth login"),
    ("org/gated", 14, STRANGER, {}, "GatedModelError", "no access yet.*nnUNetTrainerLLM4SegDeepSeek"),
    ("org/tiny", 16, "", {}, "ModelFilesError", "layer: 16 is out of range.*0 to 15"),
    ("org/tiny", 14, "", {"revision": "v9"}, "ModelNotFoundError", "no revision 'v9'"),
    ("org/pickled", 14, "", {}, "ModelFilesError", "no safetensors.*pickled weights are never loaded"),
    ("org/bare", 14, "", {}, "ModelNotFoundError", r"no config\.json"),
    ("org/cnn", 14, "", {}, "ModelFilesError", "'resnet' is not supported"),
    ("org/torn", 14, "", {}, "ModelFilesError", "damaged"),
    ("org/part", 14, "", {}, "ModelFilesError", "no tensors of layer 14; it contains 0, 1, 2"),
]


@pytest.fixture(scope="module")
def faults(model, llama, tmp_path_factory):
    """The outcome of each of FAULTS, one after the other in one process, and its folder."""
    hub, home = LocalHub(), tmp_path_factory.mktemp("faults")
    hub.add("org/tiny", model)
    hub.add("org/gated", model)
    hub.gated.add("org/gated")
    hub.add("org/pickled", model, model__safetensors=None)
    hub.add("org/bare", model, config__json=None)
    hub.add("org/cnn", model, config__json=b'{"model_type": "resnet"}')
    hub.add("org/torn", model, model__safetensors=b"\x50\x00\x00\x00\x00\x00\x00\x00{" + b"x" * 200)
    hub.add("org/part", model, model__safetensors=(llama / "model.safetensors").read_bytes())
    code = "".join(
        f"import os; os.environ['HF_TOKEN'] = {token!r}\n" + fetch_code(name, layer, **arguments)
        for name, layer, token, arguments, *_ in FAULTS
    )
    output, log = hub.start(code, home).communicate(timeout=600)
    hub.close()
    return [json.loads(line) for line in output.splitlines()], log, home


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[f"{f[0]}-{f[5][:20]}" for f in FAULTS])
def test_each_fault_is_one_sentence(faults, number):
    results, log, home = faults
    assert len(results) == len(FAULTS), log
    found, (*_, error, says) = results[number], FAULTS[number]
    assert found["error"] == error
    assert re.search(says, found["message"])
    assert "\n" not in found["message"] and "Signature" not in found["message"]
    assert not any(token in found["message"] + log for token in (TOKEN, STRANGER, "hf_old"))
    assert_nothing_is_there(home)


def test_offline_the_hub_is_not_asked_and_the_command_is_named(hub, tmp_path):
    found = hub.fetch(tmp_path, HF_HUB_OFFLINE="1")
    assert found["error"] == "ModelNotFoundError"
    assert "run `llm4seg fetch org/tiny --layer 14` on a machine with internet" in found["message"]
    assert hub.asked == []


def test_offline_a_layer_that_was_fetched_is_there_without_asking(hub, tmp_path):
    folder = hub.fetch(tmp_path)["folder"]
    asked = len(hub.asked)
    assert hub.fetch(tmp_path, HF_HUB_OFFLINE="1").get("folder") == folder
    assert hub.fetch(tmp_path, HF_HUB_OFFLINE="1", layer=3)["error"] == "ModelNotFoundError"
    assert len(hub.asked) == asked


def test_a_hub_that_cannot_be_reached_is_named_without_the_password_in_its_address(hub, tmp_path):
    found = hub.fetch(tmp_path, HF_ENDPOINT="http://user:pass@127.0.0.1:9")
    assert found["error"] == "HubError"
    assert "http://127.0.0.1:9 did not send org/tiny" in found["message"] and "pass@" not in found["message"]


def test_the_token_opens_gated_models_and_goes_to_the_hub_only(hub, model, tmp_path):
    hub.add("org/gated", model)
    hub.gated.add("org/gated")
    found = hub.fetch(tmp_path, "org/gated", HF_TOKEN=TOKEN)
    written = b"".join(path.read_bytes() for path in Path(found["folder"]).iterdir())
    assert TOKEN.encode() not in written and TOKEN not in found["log"] and b"Signature" not in written
    with_token = {server for server, _, _, headers in hub.asked if "authorization" in {h.lower() for h in headers}}
    assert with_token == {"_hub"} != {server for server, *_ in hub.asked}


@pytest.mark.parametrize("commit", ["aaaa/../../outside", "main", "C0FFEE" + "0" * 34, "../" * 13 + "a"])
def test_a_hub_whose_commit_is_none_writes_nothing(hub, tmp_path, commit):
    hub.commit = commit
    found = hub.fetch(tmp_path)
    assert found["error"] == "HubError" and "no commit of 40 hex digits" in found["message"]
    assert not (tmp_path / "cache").exists() and not (tmp_path / "outside").exists()


@pytest.mark.parametrize("file", ["../model.safetensors", "/etc/x.safetensors", "a\\b.safetensors"])
def test_an_index_of_the_hub_that_names_files_elsewhere_is_refused(hub, model, tmp_path, file):
    index = {"weight_map": {f"model.layers.14.{n}": file for n in ("mlp.up_proj.weight", "mlp.down_proj.weight")}}
    hub.add("org/index", model, **{"model__safetensors__index__json": json.dumps(index).encode()})
    found = hub.fetch(tmp_path, "org/index")
    assert found["error"] == "ModelFilesError" and "only safetensors files beside it are read" in found["message"]


def test_a_quantised_model_is_not_downloaded(hub, model, tmp_path):
    config = {**json.loads((model / "config.json").read_text()), "quantization_config": {"quant_method": "gptq"}}
    hub.add("org/gptq", model, config__json=json.dumps(config).encode())
    found = hub.fetch(tmp_path, "org/gptq")
    assert found["error"] == "ModelFilesError" and "quant_method 'gptq'" in found["message"]
    assert hub.sent == 0


def test_an_fp8_layer_comes_with_its_scales_and_is_expanded_here(hub, tmp_path):
    from test_quantised import SCHEMES, save_fp8

    from nnunet_llm4seg.config import LLM4SegConfig
    from nnunet_llm4seg.llm.source import prepare_layer

    expected = save_fp8(tmp_path / "fp8", *SCHEMES["blocks"])
    hub.add("org/fp8", tmp_path / "fp8")
    folder = Path(hub.fetch(tmp_path, "org/fp8", layer=1)["folder"])
    assert json.loads((folder / "provenance.json").read_text())["source_dtype"] == "bfloat16, float32, float8_e4m3fn"
    assert cache.problems(cache.read(folder)) == []
    found = prepare_layer(LLM4SegConfig(model=str(folder), layer=1)).tensors
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


def test_links_in_a_shared_cache_are_not_followed(hub, tmp_path):
    victim = tmp_path / "thesis.tex"
    victim.write_text("years of work")
    folder = tmp_path / "cache" / "models--org--tiny" / COMMIT
    staging = folder / f".layer-14.{COMMIT[:12]}-14.partial"
    staging.mkdir(parents=True)
    for name in ("model.safetensors", "config.json", "whole-model.safetensors"):
        (staging / name).symlink_to(victim)
    found = hub.fetch(tmp_path)
    assert cache.problems(cache.read(Path(found["folder"]))) == []
    assert victim.read_text() == "years of work"
    for link in (folder / ".layer-3.lock", folder / "layer-3"):
        link.symlink_to(victim)
        found = hub.fetch(tmp_path, layer=3)
        assert found["error"] == "CacheError" and "is a symbolic link" in found["message"]
        link.unlink()
    assert victim.read_text() == "years of work"


def test_a_folder_of_the_cache_that_leads_elsewhere_is_refused(hub, tmp_path):
    (tmp_path / "cache" / "models--org--tiny").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "cache" / "models--org--tiny" / COMMIT).symlink_to(tmp_path / "outside")
    found = hub.fetch(tmp_path)
    assert found["error"] == "CacheError" and "is a symbolic link" in found["message"]
    assert not list((tmp_path / "outside").iterdir())


def test_a_partial_folder_that_others_can_write_to_is_begun_anew(hub, model, tmp_path):
    staging = tmp_path / "cache" / "models--org--tiny" / COMMIT / f".layer-14.{COMMIT[:12]}-14.partial"
    staging.mkdir(parents=True)
    staging.chmod(0o777)
    (staging / "model.safetensors").write_bytes(b"not ours")
    folder = Path(hub.fetch(tmp_path)["folder"])
    assert layer_sha256(tensors(folder)) == layer_sha256(tensors(model))
    assert folder.stat().st_mode == folder.parent.stat().st_mode


def test_the_offline_recipe(hub, model, tmp_path):
    pytest.importorskip("typer")
    hub.add("meta-llama/Llama-3.2-1B", model)
    login_node = "import sys; from nnunet_llm4seg.cli import main; sys.argv[1:] = {}; main()"
    fetch = hub.start(login_node.format(["fetch", "meta-llama/Llama-3.2-1B"]), tmp_path)
    printed, log = fetch.communicate(timeout=600)
    assert fetch.returncode == 0, log
    provenance = json.loads((Path(printed.splitlines()[0]) / "provenance.json").read_text())
    assert provenance["layer"] == 14 and provenance["layer_sha256"] in printed
    asked = len(hub.asked)
    compute_node = """
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.source import prepare_layer
print(prepare_layer(LLM4SegConfig()).spec.sha256)
"""
    train = hub.start(compute_node, tmp_path, HF_HUB_OFFLINE="1")
    printed, log = train.communicate(timeout=600)
    assert printed.strip() == provenance["layer_sha256"], log
    assert len(hub.asked) == asked


def test_training_fetches_the_layer_by_itself_where_it_may(hub, tmp_path):
    code = """
from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.llm.source import prepare_layer
print(prepare_layer(LLM4SegConfig(model="org/tiny", layer=3)).spec.sha256)
"""
    printed, log = hub.start(code, tmp_path).communicate(timeout=600)
    provenance = next((tmp_path / "cache").glob("*/*/layer-3/provenance.json"))
    assert printed.strip() == json.loads(provenance.read_text())["layer_sha256"], log


def test_a_full_disk_is_one_sentence_and_leaves_nothing(hub, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    process = hub.start(limit + fetch_code("org/tiny", 14), tmp_path)
    found = json.loads(process.communicate(timeout=600)[0])
    assert found["error"] == "CacheError" and "full" in found["message"] and "LLM4SEG_HOME" in found["message"]
    assert not list((tmp_path / "cache").rglob("*.partial"))
    assert_nothing_is_there(tmp_path)


def test_an_unwritable_cache_is_one_sentence(hub, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    found = hub.fetch(tmp_path)
    assert found["error"] == "CacheError" and "cannot be written" in found["message"]


def test_a_folder_of_ones_own_is_an_ordinary_model(hub, model, tmp_path):
    found = hub.fetch(tmp_path, arguments={"to": str(tmp_path / "mine")})
    assert layer_sha256(tensors(Path(found["folder"]))) == layer_sha256(tensors(model))
    assert not (tmp_path / "cache").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    other = hub.fetch(tmp_path, layer=3, arguments={"to": str(tmp_path / "mine")})
    assert other["error"] == "CacheError" and "contains layer 14 of org/tiny" in other["message"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    taken = hub.fetch(tmp_path, arguments={"to": str(tmp_path / "full")})
    assert taken["error"] == "CacheError" and "contains something else" in taken["message"]


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (None, None),
        ("# A model\nlicense: mit\n", None),
        ("---\nlicense: apache-2.0\n---\n", "apache-2.0"),
        ("---\r\ntags:\r\n- a\r\nlicense: 'mit'\r\n---\r\n", "mit"),
        ("---\nlicense: other\nlicense_name: gemma\n---\nlicense: mit\n", "gemma"),
        ("---\nlicense:\n---\n", None),
    ],
)
def test_the_licence_is_what_the_model_card_names(card, licence):
    assert _licence(card) == licence
