import errno
import os
import subprocess
import sys

import pytest
import typer

from nnunet_llm4seg import cli
from nnunet_llm4seg.nnunet.environment import trainers_folder

COMMAND = [sys.executable, "-c", "from nnunet_llm4seg.cli import main; main()"]


def llm4seg(*words, **variables):
    env = {k: v for k, v in os.environ.items() if not k.startswith("nnUNet_")} | variables
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, env=env, check=False)


def test_help_names_the_commands_and_imports_nothing_heavy():
    assert {"env", "plan", "train", "predict"} <= set(llm4seg("--help").stdout.split())
    code = (
        "import sys\nfrom nnunet_llm4seg import cli\nsys.argv = ['llm4seg', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'numpy', 'transformers', 'nnunetv2', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, nnunet_llm4seg; print('torch' in sys.modules, nnunet_llm4seg.LLM4SegConfig().layer)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False 14\n"
    )


def test_env_prints_a_line_for_eval_that_keeps_what_was_set():
    line = llm4seg("env", nnUNet_extTrainer="/mine and yours").stdout
    shell = subprocess.run(
        ["sh", "-c", f'{line}\nprintf %s "$nnUNet_extTrainer"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout == f"{trainers_folder()}:/mine and yours"


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (["train", "1", "2d", "0"], "nnUNet_preprocessed"),
        (["predict", "-i", "a", "-o", "b"], "nnUNet_results"),
        (["plan", "1", "-c", "2d"], "nnUNet_preprocessed"),
    ],
)
def test_an_unset_variable_is_one_sentence_and_exit_code_2(words, variable):
    result = llm4seg(*words)
    assert result.returncode == 2
    assert result.stderr.startswith(f"llm4seg: {variable} is not set; `export {variable}=")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("command", "theirs"), [("train", "--val_best"), ("predict", "-step_size")])
def test_train_and_predict_show_nnunets_own_arguments(command, theirs, monkeypatch, capsys):
    monkeypatch.setenv("nnUNet_extTrainer", "")  # which the command sets for its own process
    monkeypatch.setattr("sys.argv", ["llm4seg", command, "--help"])
    with pytest.raises(SystemExit) as exit_code:
        cli.main()
    assert exit_code.value.code == 0
    assert theirs in capsys.readouterr().out


def test_what_the_disk_refuses_is_one_sentence_and_exit_code_2(monkeypatch, capsys):
    def refused(app):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/fold_0/analysis")

    monkeypatch.setattr(typer.Typer, "__call__", refused)
    with pytest.raises(SystemExit) as exit_code:
        cli.main()
    error = capsys.readouterr().err
    assert exit_code.value.code == 2
    assert error.startswith("llm4seg: /data/fold_0/analysis cannot be read or written (Permission denied); ")


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    def faulty(app):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "forgotten.json")

    monkeypatch.setattr(typer.Typer, "__call__", faulty)
    with pytest.raises(FileNotFoundError):
        cli.main()
