import importlib
import json
import os
from collections import namedtuple
from importlib import metadata

import gguf
import pytest
from gguf_models import save_gguf
from typer.testing import CliRunner

from nnunet_llm4seg import doctor
from nnunet_llm4seg.doctor import data, installation
from nnunet_llm4seg.nnunet.environment import FOLDERS, with_trainers

PLANS = {"configurations": {"2d": {"architecture": {"arch_kwargs": {}}}}}


@pytest.fixture
def good(tmp_path, monkeypatch, llama):
    """A setup in which a training could start: folders, a data set with LLM4Seg plans, a model, the trainers."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    dataset = tmp_path / "nnUNet_preprocessed" / "Dataset001_X"
    dataset.mkdir()
    (dataset / "nnUNetPlans.json").write_text(json.dumps(PLANS))
    asked = {"configurations": {"2d": {"architecture": {"llm4seg": {"model": str(llama), "layer": 1}}}}}
    (dataset / "nnUNetPlans_LLM4Seg.json").write_text(json.dumps(asked))
    monkeypatch.setenv("nnUNet_extTrainer", with_trainers(None))
    monkeypatch.setattr("nnunet_llm4seg.doctor.models.models_at_hand", list)
    monkeypatch.setenv("LLM4SEG_HOME", str(tmp_path / "layers"))
    return tmp_path


def _report():
    """Exit code, and what `llm4seg doctor` printed."""
    for command in ("doctor", "env"):  # importing registers it; an app with only one command has no command names
        importlib.import_module(f"nnunet_llm4seg.cli.{command}")
    from nnunet_llm4seg.cli import app

    result = CliRunner().invoke(app, ["doctor"])
    return result.exit_code, result.output


def _next(output: str) -> str:
    return output.rstrip().splitlines()[-1].strip()


def test_good_set_up_is_told_from_where_everything_is_and_exits_with_0(good, llama):
    code, output = _report()
    assert code == 0, output
    assert "A training could start" in output
    assert "nnUNetTrainerLLM4Seg is found, from " in output
    assert str(llama) in output and "GB free" in output and "bad " not in output
    assert all(f"{name}" in output and metadata.version(name) in output for name in ("nnunetv2", "torch"))
    assert _next(output).startswith("llm4seg train")


def test_unset_trainers_folder_is_a_note_because_llm4seg_train_sets_it(good, monkeypatch):
    monkeypatch.delenv("nnUNet_extTrainer")
    code, output = _report()
    assert (code, _next(output)) == (0, 'eval "$(llm4seg env)"')
    assert "nnUNet_extTrainer" not in os.environ


def test_unset_results_folder_is_bad(good, monkeypatch):
    monkeypatch.delenv("nnUNet_results")
    code, output = _report()
    assert (code, _next(output)) == (1, "export nnUNet_results=FOLDER")


def test_missing_preprocessed_folder_is_bad(good, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(good / "elsewhere"))
    code, output = _report()
    assert (code, _next(output)) == (1, f"mkdir -p '{good / 'elsewhere'}'")


def test_folder_that_cannot_be_written_is_bad(good, monkeypatch):
    results = str(good / "nnUNet_results")
    monkeypatch.setattr(data.os, "access", lambda path, mode: str(path) != results)
    code, output = _report()
    assert code == 1 and f"{results} is not writable" in output


def test_full_disk_is_bad(good, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**12, 10**12 - 10**8, 10**8)
    monkeypatch.setattr(data.shutil, "disk_usage", lambda path: usage)
    code, output = _report()
    assert code == 1 and "has only 0.1 GB free" in output


def test_too_old_nnunet_is_bad_and_the_next_command_installs_another(good, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(
        installation.metadata, "version", lambda name: "2.5.1" if name == "nnunetv2" else version(name)
    )
    code, output = _report()
    assert code == 1 and "2.5.1 is installed, but" in output
    assert _next(output).startswith("pip install 'nnunetv2")


def test_fork_that_installed_into_the_same_folder_is_named(good, monkeypatch):
    owners = {"nnunetv2": ["nnunetv2", "my-nnunet-fork"]}
    monkeypatch.setattr(installation.metadata, "packages_distributions", lambda: owners)
    code, output = _report()
    assert (code, _next(output)) == (1, "pip uninstall my-nnunet-fork")


def test_copy_of_nnunet_that_shadows_the_installed_one_is_bad(good, monkeypatch):
    import nnunetv2

    monkeypatch.setattr(nnunetv2, "__file__", str(good / "fork" / "nnunetv2" / "__init__.py"))
    monkeypatch.setenv("PYTHONPATH", str(good / "fork"))
    code, output = _report()
    assert code == 1 and "is not the nnunetv2 that is installed in" in output
    assert _next(output) == "unset PYTHONPATH"


def test_without_a_planned_data_set_the_next_command_plans_one(good):
    for path in (good / "nnUNet_preprocessed" / "Dataset001_X").iterdir():
        path.unlink()
    code, output = _report()
    assert code == 1 and _next(output).startswith("nnUNetv2_plan_and_preprocess")


def test_gguf_file_that_plans_name_is_told_with_its_layer_and_its_quantisation(good, llama):
    file = save_gguf(good / "model.gguf", kind=gguf.GGMLQuantizationType.Q8_0, values={"general.file_type": 7})
    plans = good / "nnUNet_preprocessed" / "Dataset001_X" / "nnUNetPlans_LLM4Seg.json"
    plans.write_text(plans.read_text().replace(str(llama), str(file)))
    code, output = _report()
    assert code == 0, output
    assert f"{file} (named in plans: layer 1, Q8_0: 8-bit weights, dequantised)" in output


def test_file_that_plans_name_but_that_cannot_be_read_is_a_note(good, llama):
    file = save_gguf(good / "model.gguf")
    file.write_bytes(file.read_bytes()[:200])
    plans = good / "nnUNet_preprocessed" / "Dataset001_X" / "nnUNetPlans_LLM4Seg.json"
    plans.write_text(plans.read_text().replace(str(llama), str(file)))
    output = _report()[1]
    assert f"named in plans, but model: {file} is not a GGUF file, or is damaged" in output


@pytest.mark.parametrize(("offline", "exit_code"), [(True, 1), (False, 0)])
def test_without_any_language_model_a_training_can_start_only_if_it_can_fetch_one(
    good, llama, monkeypatch, offline, exit_code
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    plans = good / "nnUNet_preprocessed" / "Dataset001_X" / "nnUNetPlans_LLM4Seg.json"
    plans.write_text(plans.read_text().replace(str(llama), "org/not-here"))
    code, output = _report()
    assert (code, _next(output)) == (exit_code, "llm4seg fetch MODEL --layer I")


def test_a_layer_cache_that_others_can_write_to_is_a_note(good):
    home = good / "layers"
    home.mkdir(mode=0o755)
    assert "layer cache" not in _report()[1]
    home.chmod(0o777)
    code, output = _report()
    assert code == 0 and "layer cache" in output
    assert _next(output) == f"chmod go-w '{home}'"


def test_broken_check_becomes_a_finding_instead_of_a_traceback(good, monkeypatch):
    def broken():
        raise RuntimeError("driver too old")
        yield

    monkeypatch.setattr(doctor, "_CHECKS", (*doctor._CHECKS[:-1], broken))
    code, output = _report()
    assert code == 1 and "RuntimeError: driver too old" in output
