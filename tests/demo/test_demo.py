"""The demo itself with tiny trainings, stopped at three places and run again."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import warm_python
from running_processes import naming

HERE = Path(__file__).parent
VANILLA = "nnUNet_results/*/nnUNetTrainerVanilla_tiny__nnUNetPlans__2d/fold_0"


def _start(folder: Path, model: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [warm_python.commands() / "python", HERE / "tiny_demo.py", folder, model, "1"],
        env={**warm_python.environment(), "nnUNet_extTrainer": str(HERE / "trainers"), "nnUNet_raw": "/not/this/one"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _interrupt_when(process: subprocess.Popen, happened, folder: Path) -> str:
    deadline = time.monotonic() + 600
    while not happened():
        assert process.poll() is None, process.stdout.read()[-3000:]
        assert time.monotonic() < deadline, "the expected state was never reached"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 130, output
    assert not naming(str(folder))
    return output


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A folder, and what the demo printed each time until it was finished."""
    from tiny_models import save_model

    model = save_model(tmp_path_factory.mktemp("model"))
    folder = tmp_path_factory.mktemp("demo") / "with a space"
    outputs = []
    for happened in (
        lambda: any(folder.glob("nnUNet_preprocessed/*/dataset_fingerprint.json")),
        lambda: any(folder.glob(f"{VANILLA}/checkpoint_latest.pth")),
        lambda: any(folder.glob("predictions/vanilla/plans.json")),
    ):
        outputs.append(_interrupt_when(_start(folder, model), happened, folder))
    for _ in range(2):
        process = _start(folder, model)
        outputs.append(process.communicate(timeout=1800)[0])
        assert process.returncode == 0, outputs[-1][-3000:]
    return folder, outputs


@pytest.mark.integration
def test_interrupted_training_is_continued_from_its_checkpoint(told):
    folder, outputs = told
    assert "continues from its last checkpoint" in outputs[2]
    assert re.findall(r"\$ nnUNetv2_train.* (--c)\n", (folder / "logs" / "train-vanilla.log").read_text()) == ["--c"]
    assert not any(folder.glob("nnUNet_results/*/*/fold_0/.*.part"))


@pytest.mark.integration
def test_what_was_done_before_an_interruption_is_not_done_again(told):
    _, outputs = told
    assert [output.count("done already") for output in outputs] == [0, 1, 3, 5, 9]


@pytest.mark.integration
def test_it_ends_with_a_table_a_picture_and_the_commands(told):
    folder, outputs = told
    assert "shows that everything works, not that one arm is better" in outputs[-1]
    assert all(re.search(rf"{arm}\s+│\s+\d\.\d+\s+│\s+\d\.\d+", outputs[-1]) for arm in ("vanilla", "LLM4Seg"))
    assert (folder / "comparison.png").stat().st_size > 10_000
    assert len((folder / "scores.csv").read_text().splitlines()) == 1 + 2 * 2
    assert "No claim about the methods can be made" in (folder / "report" / "report.html").read_text()
    commands = (
        "nnUNetv2_plan_and_preprocess",
        "llm4seg plan",
        "nnUNetv2_train",
        "nnUNetv2_predict",
        "llm4seg compare",
    )
    for command in commands:
        assert command in outputs[-1] and command in (folder / "commands.sh").read_text()


@pytest.mark.integration
def test_written_commands_are_a_shell_script(told):
    folder, _ = told
    assert subprocess.run(["bash", "-n", folder / "commands.sh"]).returncode == 0


@pytest.mark.integration
def test_another_model_in_the_same_folder_is_refused(told, tmp_path):
    from tiny_models import save_model

    folder, _ = told
    process = _start(folder, save_model(tmp_path / "other"))
    output = process.communicate(timeout=600)[0]
    assert process.returncode != 0 and "choose another folder with -o" in output
