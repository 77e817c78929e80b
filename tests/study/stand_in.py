"""A study on a made-up data set, with a stand-in for nnUNetv2_train that writes what nnU-Net writes, in milliseconds.

The stand-in is in the bin folder of a Python environment of its own, where the study finds it as it finds nnU-Net's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hand_made_plans import DATASET, plans

from nnunet_llm4seg.files import write_json

NAME = "Dataset001_X"
CASES = [f"case_{i}" for i in range(4)]
TEXT = """
study: s
datasets: [1]
configuration: 2d
folds: all
epochs: 5
runs: 2
arms:
  vanilla: vanilla
  frozen: {model: llama, layer: 1}
claims: [frozen > vanilla]
engine: {kind: local, slots: 1}
"""

TRAIN = r"""
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, TESTS)
from fold_files import write_checkpoint, write_log, write_validation

dataset, configuration, fold, *rest = sys.argv[1:]
trainer, plans = rest[rest.index("-tr") + 1], rest[rest.index("-p") + 1]
control = json.loads(Path(CONTROL).read_text())
results = Path(os.environ["nnUNet_results"])
folder = results / dataset / f"{trainer}__{plans}__{configuration}" / f"fold_{fold}"
folder.mkdir(parents=True, exist_ok=True)
key = f"{results.name}/{plans}/fold_{fold}"

def book(what):
    with open(BOOK, "a") as file:
        file.write(json.dumps([key, what, os.getpid(), time.time()]) + "\n")

def runs(pid):  # a killed process that nobody has waited for yet does not
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

mark = folder / "being_trained"
if mark.exists() and mark.read_text() and runs(mark.read_text()):
    book("clash")
mark.write_text(str(os.getpid()))
book("start " + " ".join(o for o in rest if o.startswith("--")))
seen = {n: os.environ.get(n) for n in ("CUDA_VISIBLE_DEVICES", "nnUNet_n_proc_DA", "OMP_NUM_THREADS", "WANDB_NAME")}
seen["cores"] = len(os.sched_getaffinity(0))
seen["cwd"] = os.getcwd()
(folder / "seen.json").write_text(json.dumps({**seen, "argv": sys.argv[1:]}))
for rule in control["fail"]:
    if rule["match"] in key:
        count = folder / "failed"
        times = int(count.read_text()) if count.exists() else 0
        if times < rule["times"]:
            count.write_text(str(times + 1))
            print(f"Traceback\n{rule['message']}".replace("#", str(times)))
            sys.exit(1)
latest, final = folder / "checkpoint_latest.pth", folder / "checkpoint_final.pth"
if "--val" not in rest:
    first = 0
    if "--c" in rest:
        import zipfile
        first = int(zipfile.ZipFile(latest).read("archive/data.pkl").split()[1])
    for epoch in range(first, control["epochs"]):
        while json.loads(Path(CONTROL).read_text())["pause"] == epoch:
            time.sleep(0.02)
        book(f"epoch {epoch}")
        write_checkpoint(folder / "part", epoch + 1)
        os.replace(folder / "part", latest)
        write_log(folder, epoch + 1, 2.0)
    write_checkpoint(folder / "part", control["epochs"])
    os.replace(folder / "part", final)
    latest.unlink()
    book("final")
data = Path(os.environ["nnUNet_preprocessed"]) / dataset
cases = json.loads((data / "splits_final.json").read_text())[int(fold)]["val"]
if "no validation" not in control:
    write_validation(folder, cases)
book("validated")
mark.unlink()
"""


def make_environment(root: Path) -> Path:
    """A Python environment like this one, with a bin folder of its own; returns its python."""
    (root / "bin").mkdir(parents=True)
    (root / "lib").symlink_to(Path(sys.prefix) / "lib", target_is_directory=True)
    base = Path(getattr(sys, "_base_executable", sys.executable)).parent
    (root / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\n")
    python = root / "bin" / "python"
    python.symlink_to(Path(sys.executable).resolve())
    return python


@dataclass
class Bench:
    """A study in `root`, its commands, and what its trainings did."""

    root: Path
    python: Path = field(init=False)
    more: dict[str, str] = field(default_factory=dict)  # variables

    def __post_init__(self) -> None:
        self.python = make_environment(self.root / "environment")
        script = f"#!{sys.executable} -SE\nTESTS = {str(Path(__file__).parent)!r}\n"
        script += f"CONTROL, BOOK = {str(self.root / 'control.json')!r}, {str(self.root / 'book')!r}\n{TRAIN}"
        self.command("nnUNetv2_train", script)
        self.control()
        data = self.root / "nnUNet_preprocessed" / NAME
        (data / "P_2d").mkdir(parents=True)
        (self.root / "nnUNet_raw" / NAME).mkdir(parents=True)
        content = json.dumps({**plans("nnUNetPlans"), "dataset_name": NAME})
        (data / "nnUNetPlans.json").write_text(content)
        (data / "dataset.json").write_text(json.dumps({**DATASET, "numTraining": len(CASES)}))
        halves = [CASES[:2], CASES[2:]]
        splits = [{"train": halves[1 - i], "val": halves[i]} for i in (0, 1)]
        (data / "splits_final.json").write_text(json.dumps(splits))
        for case in CASES:
            for ending in (".pkl", ".b2nd", "_seg.b2nd"):
                (data / "P_2d" / (case + ending)).write_text("x")

    @property
    def file(self) -> Path:
        return self.root / "s.yaml"

    @property
    def folder(self) -> Path:
        return self.root / "s"

    def command(self, name: str, script: str) -> None:
        path = self.root / "environment" / "bin" / name
        path.write_text(script)
        path.chmod(0o755)

    def control(self, epochs: int = 5, pause: int = -1, fail=(), **more) -> None:
        """Tell the stand-in what to do; it waits before epoch `pause` until this changes."""
        content = {"epochs": epochs, "pause": pause, "fail": list(fail), **more}
        write_json(self.root / "control.json", content)

    def write(self, text: str = TEXT, **changed: str) -> None:
        for key, value in changed.items():
            text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
        self.file.write_text(text)

    @property
    def variables(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("nnUNet_", "LLM4SEG", "OMP_", "SLURM"))}
        names = ("nnUNet_raw", "nnUNet_preprocessed")
        return {
            **kept,
            **{name: str(self.root / name) for name in names},
            "LLM4SEG_HOME": str(self.root / "home"),
            **self.more,
        }

    def prepare(self, monkeypatch, text: str = TEXT, **changed: str) -> None:
        """What `run` does before the first training, in this process, where torch is loaded already."""
        from nnunet_llm4seg.study.folder import open_study, settle
        from nnunet_llm4seg.study.prepare import prepare

        self.write(text, **changed)
        for name in ("nnUNet_raw", "nnUNet_preprocessed"):
            monkeypatch.setenv(name, str(self.root / name))
        study = open_study(self.file)
        settle(study)
        prepare(study, lambda line: None)

    def start(self, *words: object, **variables: str) -> subprocess.Popen:
        code = "from nnunet_llm4seg.cli import main; main()"
        return subprocess.Popen(
            [str(self.python), "-c", code, "study", *map(str, words)],
            env={**self.variables, **variables},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: object, rc: int = 0, **variables: str) -> str:
        process = self.start(*words, **variables)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == rc, output
        return output

    def status(self) -> dict[str, dict]:
        content = json.loads(self.run("status", self.file, "--json"))
        return {training["key"]: training for training in content["trainings"]}

    def booked(self) -> list[tuple[str, str]]:
        path = self.root / "book"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(key, what) for key, what, *_ in map(json.loads, lines)]

    def times(self, what: str) -> Counter[str]:
        """How often something happened, per training."""
        return Counter(key for key, happened in self.booked() if happened.split()[0] == what)

    def pids(self) -> list[int]:
        """Process ids of the trainings that run now."""
        marks = (path.read_text() for path in self.folder.glob("results/**/being_trained"))
        return [int(pid) for pid in marks if pid and Path("/proc", pid).exists()]

    def wait(self, happened, timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < deadline, "the awaited state never came"
            time.sleep(0.02)

    def each_once(self, count: int = 8) -> None:
        """All trainings done, each once, no epoch twice but those after the last checkpoint, none at the same time."""
        assert not self.times("clash"), self.booked()
        assert self.times("final") == Counter(dict.fromkeys(self.times("start"), 1)), self.booked()
        assert len(self.times("final")) == count
        assert {training["state"] for training in self.status().values()} == {"done"}

    def kill_all(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
