"""A small nnU-Net project in a folder of its own, driven through nnU-Net's real commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import warm_python

TRAINERS = Path(__file__).parent / "trainers"


@dataclass
class Project:
    """Folders, variables and commands of one project.

    Attributes:
        installed: Whether commands are started as a user's shell starts them, not from `warm_python.commands()`.
    """

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    installed: bool = False

    def __post_init__(self):
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def raw(self) -> Path:
        return self.root / "nnUNet_raw"

    @property
    def preprocessed(self) -> Path:
        return self.root / "nnUNet_preprocessed"

    @property
    def results(self) -> Path:
        return self.root / "nnUNet_results"

    def copy(self, root: Path) -> Project:
        """The same data sets and results in another folder."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        return Project(root, dict(self.variables))

    def environment(self) -> dict[str, str]:
        from nnunet_llm4seg.nnunet.environment import trainers_folder

        return {
            **warm_python.environment(),
            **{p.name: str(p) for p in (self.raw, self.preprocessed, self.results)},
            "nnUNet_extTrainer": os.pathsep.join([str(trainers_folder()), str(TRAINERS)]),
            "nnUNet_n_proc_DA": "1",
            "nnUNet_def_n_proc": "1",
            "LLM4SEG_HOME": str(self.root / "llm4seg"),
            **self.variables,
        }

    def start(self, *command: object, installed: bool | None = None, **variables: str) -> subprocess.Popen:
        """Start a command in a process group of its own."""
        words = [str(word) for word in command]
        installed = self.installed if installed is None else installed
        folder = Path(sys.executable).parent if installed else warm_python.commands()
        words[0] = shutil.which(words[0], path=str(folder)) or words[0]
        return subprocess.Popen(
            words,
            env={**self.environment(), **variables},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: object, rc: int | None = 0, timeout_s: float = 600, **options: Any) -> str:
        """Run a command to its end; return what it printed."""
        process = self.start(*command, **options)
        try:
            output, _ = process.communicate(timeout=timeout_s)
        finally:
            self.kill(process)
        assert rc is None or process.returncode == rc, f"{command} -> {process.returncode}\n{output[-6000:]}"
        return output

    def kill(self, process: subprocess.Popen) -> None:
        """Kill a command and all its workers at once, as a cluster does."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        process.wait()
        with suppress(ValueError):  # it is closed already
            process.stdout.read()  # ends with the last process that writes there

    def kill_when(self, process: subprocess.Popen, happened, timeout_s: float = 300) -> None:
        """Wait until `happened()` and kill -9 the process group."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert process.poll() is None, process.stdout.read()[-6000:]
            assert time.monotonic() < deadline, "the expected state was never reached"
            time.sleep(0.05)
        self.kill(process)

    def make_narrow(self, dataset: str, configuration: str, plans: str = "nnUNetPlans") -> None:
        """Give the planned network few features: convolutions and checkpoints of 200 MB take most of the time."""
        file = self.preprocessed / dataset / f"{plans}.json"
        content = json.loads(file.read_text())
        arguments = content["configurations"][configuration]["architecture"]["arch_kwargs"]
        arguments["features_per_stage"] = [min(4 * 2**stage, 16) for stage in range(arguments["n_stages"])]
        file.write_text(json.dumps(content))

    def train(self, dataset: str, configuration: str, fold: int, *options: object, rc: int | None = 0) -> str:
        """Quickly: warm, and without a worker that loads, which takes longer to start than these trainings."""
        words = ("nnUNetv2_train", dataset, configuration, fold, "-device", "cpu", *options)
        return self.run(*words, rc=rc, installed=False, nnUNet_n_proc_DA="0")

    def predict_here(self, results: Path, checkpoint: str = "checkpoint_final.pth") -> list[np.ndarray]:
        """nnU-Net's own prediction of the test images with fold 0, in this process: each case's probabilities."""
        from unittest.mock import patch

        import torch
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        with patch.dict(os.environ, self.environment()):
            predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
            predictor.initialize_from_trained_model_folder(str(results), (0,), checkpoint)
            images = self.raw / results.parent.name / "imagesTs"
            return [p for _, p in predictor.predict_from_files_sequential(str(images), None, save_probabilities=True)]

    def model_folder(self, dataset: str, trainer: str, plans: str, configuration: str) -> Path:
        return self.results / dataset / f"{trainer}__{plans}__{configuration}"


def add_dataset_2d(project: Project, number: int, cases: int = 10, size: int = 64) -> str:
    """Grey PNGs with a bright disc each, and test images without labels."""
    from PIL import Image

    name = f"Dataset{number:03d}_Discs"
    rng = np.random.default_rng(number)
    folder = project.raw / name
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / sub).mkdir(parents=True)
    for i in range(cases + 3):
        image, mask = _blob(rng, (size, size))
        target = "imagesTr" if i < cases else "imagesTs"
        Image.fromarray(image).save(folder / target / f"disc_{i:02d}_0000.png")
        if i < cases:
            Image.fromarray(mask).save(folder / "labelsTr" / f"disc_{i:02d}.png")
    _dataset_json(folder, cases, ".png", "zscore")
    return name


def add_dataset_3d(project: Project, number: int, cases: int = 10, size: int = 24) -> str:
    """NIfTI volumes with a bright ball each."""
    import SimpleITK as sitk

    name = f"Dataset{number:03d}_Balls"
    rng = np.random.default_rng(number)
    folder = project.raw / name
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / sub).mkdir(parents=True)
    for i in range(cases + 2):
        image, mask = _blob(rng, (size, size + 2, size + 4))
        target = "imagesTr" if i < cases else "imagesTs"
        sitk.WriteImage(sitk.GetImageFromArray(image), str(folder / target / f"ball_{i:02d}_0000.nii.gz"))
        if i < cases:
            sitk.WriteImage(sitk.GetImageFromArray(mask), str(folder / "labelsTr" / f"ball_{i:02d}.nii.gz"))
    _dataset_json(folder, cases, ".nii.gz", "MR")
    return name


def _blob(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    grid = np.indices(shape)
    centre = [rng.uniform(0.3 * n, 0.7 * n) for n in shape]
    distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
    mask = distance < rng.uniform(0.15, 0.25) * min(shape)
    image = rng.normal(60 + 90 * mask, 15).clip(0, 255)
    return image.astype(np.uint8), mask.astype(np.uint8)


def _dataset_json(folder: Path, cases: int, ending: str, channel: str) -> None:
    content = {
        "channel_names": {"0": channel},
        "labels": {"background": 0, "blob": 1},
        "numTraining": cases,
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(content))
