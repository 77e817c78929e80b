"""Scripts for other schedulers, and the commented file of `init`."""

import subprocess

import pytest

from nnunet_llm4seg.study.file import read_study

KEYS = ["run_1/Dataset001_X/vanilla/fold_0", "run_1/Dataset001_X/frozen/fold_0"]


def test_a_bash_script_trains_everything_once(small):
    path = small.root / "all.sh"
    small.run("script", small.file, "--for", "bash", "-o", path)
    done = subprocess.run(["bash", path], env=small.variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    small.each_once(2)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("sbatch", ["#SBATCH --array=0-1%3", "#SBATCH --cpus-per-task=2", "--account=x", "--gres=gpu:1", "--requeue"]),
        ("lsf", ['#BSUB -J "s[1-2]%3"', "#BSUB -n 2", "$((LSB_JOBINDEX - 1))"]),
    ],
)
def test_a_script_for_a_scheduler_names_every_training(small, kind, words):
    engine = '{kind: slurm, gres: "gpu:1", cpus: 2, parallel: 3, additional_parameters: {account: x}}'
    text = small.file.read_text().replace("study: s", "study: t").replace("{kind: local, slots: 1}", engine)
    small.file.write_text(text)
    printed = small.run("script", small.file, "--for", kind)
    assert all(word in printed.replace("study t", "") for word in [*KEYS]), printed
    assert all(word.replace('"s[', '"t[') in printed for word in words), printed
    assert subprocess.run(["bash", "-n"], input=printed, text=True).returncode == 0


def test_an_unknown_scheduler_is_named(small):
    assert "llm4seg: --for: there is no 'sbach'; did you mean 'sbatch'?" in small.run(
        "script", small.file, "--for", "sbach", rc=2
    )


def test_init_writes_a_file_that_is_a_study(small):
    path = small.root / "new.yaml"
    printed = small.run("init", path, CUDA_VISIBLE_DEVICES="")
    assert "Wrote " in printed and "Dataset001_X" in printed
    study = read_study(path)
    assert study.datasets == ("Dataset001_X",) and study.configuration("Dataset001_X") == "2d"
    assert study.name == "new" and study.arms[0].name == "vanilla"
    assert "exists already" in small.run("init", path, rc=2)
    assert study.runs == 3
