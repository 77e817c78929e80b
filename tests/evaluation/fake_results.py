"""Writes nnU-Net's folders with tiny made-up data, so that comparisons can be tested without training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from nnunet_llm4seg.errors import LLM4SegError
from nnunet_llm4seg.evaluation.analyse import analyse
from nnunet_llm4seg.evaluation.arms.choose import choose_arms
from nnunet_llm4seg.evaluation.report.summary import summarise

DATASET = "Dataset901_Fake"
VANILLA = "nnUNetTrainer__nnUNetPlans"
LLM4SEG = "nnUNetTrainerLLM4Seg__nnUNetPlans"
RANDOM = "nnUNetTrainerLLM4SegRandom__nnUNetPlans"
DEBUG = {
    "num_epochs": "2",
    "num_iterations_per_epoch": "250",
    "initial_lr": "0.01",
    "optimizer": "SGD (\nParameter Group 0\n    lr: 0.01\n    momentum: 0.99\n    weight_decay: 3e-05\n)",
    "loss": "DeepSupervisionWrapper(\n  (loss): DC_and_CE_loss(\n    (ce): RobustCrossEntropyLoss()\n  )\n)",
}
LOG = """2026-01-01 10:00:00.000000: Epoch 0
2026-01-01 10:00:00.000000: Current learning rate: 0.01
2026-01-01 10:00:09.000000: train_loss {0:.4f}
2026-01-01 10:00:09.000000: val_loss {1:.4f}
2026-01-01 10:00:09.000000: Pseudo dice [np.float32({2:.4f}), np.float32({3:.4f})]
2026-01-01 10:00:09.000000: Epoch time: 9.25 s
2026-01-01 10:00:09.000000: Epoch 1
2026-01-01 10:00:18.000000: train_loss {4:.4f}
2026-01-01 10:00:18.000000: val_loss {5:.4f}
2026-01-01 10:00:18.000000: Pseudo dice [np.float32({6:.4f}), np.float32({7:.4f})]
2026-01-01 10:00:18.000000: Epoch time: 9.75 s
"""


class FakeResults:
    """A data set of ellipses and the results of arms that segment them more or less well.

    Args:
        root: empty folder; nnUNet_raw, nnUNet_preprocessed and results roots are made inside.
        arms: by TRAINER__PLANS, how far (in pixels) its outlines are off.
        roots: number of results roots, one per run.
        volume: write NIfTI volumes instead of PNG images.
    """

    def __init__(
        self,
        root: Path,
        arms: Mapping[str, float],
        *,
        cases: int = 8,
        folds: int = 2,
        roots: int = 1,
        volume: bool = False,
        size: int = 24,
    ) -> None:
        self.arms, self.size = dict(arms), size
        self.ending, self.configuration = (".nii.gz", "3d_fullres") if volume else (".png", "2d")
        self.raw, self.preprocessed = root / "raw", root / "preprocessed"
        self.roots = [root / f"results{i or ''}" for i in range(roots)]
        self.names = [f"p{i // 2:02d}_{i:03d}" for i in range(cases)]
        self.rng = np.random.default_rng(0)
        held_out = [self.names[fold::folds] for fold in range(folds)]
        self.splits = [{"train": sorted(set(self.names) - set(val)), "val": val} for val in held_out]
        self.info = {
            "channel_names": {"0": "ultrasound"},
            "labels": {"background": 0, "mass": 1, "core": 2},
            "numTraining": cases,
            "file_ending": self.ending,
        }
        self._write_dataset()
        for i, results in enumerate(self.roots):
            for arm in arms:
                self.write_arm(results, arm, seed=i)

    def environment(self) -> dict[str, str]:
        return {
            "nnUNet_raw": str(self.raw),
            "nnUNet_preprocessed": str(self.preprocessed),
            "nnUNet_results": str(self.roots[0]),
        }

    def folder(self, arm: str, root: int = 0) -> Path:
        return self.roots[root] / DATASET / f"{arm}__{self.configuration}"

    def fold(self, arm: str, fold: int, root: int = 0) -> Path:
        return self.folder(arm, root) / f"fold_{fold}"

    def plans(self, arm: str) -> dict:
        architecture = {"network_class_name": "PlainConvUNet", "arch_kwargs": {"n_stages": 3}}
        if "LLM4Seg" in arm:
            architecture["llm4seg"] = {"layer": 14}
            architecture["llm4seg_resolved"] = {
                "config": {"model": "meta-llama/Llama-3.2-1B", "layer": 14, "weights": "pretrained"},
                "model_config": {"hidden_size": 2048},
                "sha256": "0" * 64,
            }
        chosen = {
            "patch_size": [self.size] * 2,
            "batch_size": 2,
            "spacing": [1.0, 1.0],
            "architecture": architecture,
        }
        return {
            "dataset_name": DATASET,
            "plans_name": arm.split("__")[1],
            "configurations": {self.configuration: chosen},
        }

    def write_arm(self, results: Path, arm: str, *, seed: int = 0) -> None:
        """All folds of one run of an arm: plans, logs, and predictions that are off by noise of this run."""
        model = results / DATASET / f"{arm}__{self.configuration}"
        model.mkdir(parents=True)
        write_json(model / "plans.json", self.plans(arm))
        write_json(model / "dataset.json", self.info)
        rng = np.random.default_rng([seed, *arm.encode()])
        for fold, split in enumerate(self.splits):
            validation = model / f"fold_{fold}" / "validation"
            validation.mkdir(parents=True)
            (validation.parent / "checkpoint_final.pth").write_bytes(f"no network {seed} {arm} {fold}".encode())
            write_json(validation.parent / "debug.json", DEBUG)
            write_json(validation / "summary.json", {})
            text = LOG.format(*np.sort(rng.random(8)))
            (validation.parent / "training_log_2026_1_1_10_00_00.txt").write_text(text)
            for name in split["val"]:
                case = self.names.index(name)
                shift = self.arms[arm] * np.random.default_rng(case).normal(1, 0.3, 2) + rng.normal(0, 0.4, 2)
                self.write_mask(validation / f"{name}{self.ending}", self.ellipses(case, shift))

    def write_analysis(self, arm: str, *, fold: int, cases: str) -> None:
        """Figures as `llm4seg analyze` names them, of noise."""
        folder = self.fold(arm, fold) / "analysis"
        (folder / "cases").mkdir(parents=True)
        for path in (folder / "summary.png", *(folder / "cases" / f"{case}.png" for case in cases)):
            Image.fromarray(self.rng.integers(0, 255, (30, 90, 3)).astype(np.uint8)).save(path)

    def ellipses(self, case: int, shift=(0.0, 0.0)) -> np.ndarray:
        """A label map: a mass (1) with a core (2); every fourth case has no core."""
        rng = np.random.default_rng(case)
        y, x = np.mgrid[: self.size, : self.size] / self.size
        centre = rng.uniform(0.4, 0.6, 2) + np.asarray(shift) / self.size
        radius = rng.uniform(0.2, 0.3, 2)
        distance = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2
        return (distance < 1).astype(np.uint8) + ((distance < 0.35) & (case % 4 != 0)).astype(np.uint8)

    def write_mask(self, path: Path, mask: np.ndarray) -> None:
        if self.ending == ".png":
            Image.fromarray(mask.astype(np.uint8)).save(path)
            return
        volume = sitk.GetImageFromArray(np.stack([mask * 0, mask, mask, mask * 0]).astype(np.uint8))
        volume.SetSpacing((0.5, 0.5, 3.0))
        sitk.WriteImage(volume, str(path))

    def _write_dataset(self) -> None:
        folder = self.preprocessed / DATASET
        truth, images = folder / "gt_segmentations", self.raw / DATASET / "imagesTr"
        for new in (truth, images):
            new.mkdir(parents=True)
        write_json(folder / "dataset.json", self.info)
        write_json(folder / "splits_final.json", self.splits)
        for case, name in enumerate(self.names):
            mask = self.ellipses(case)
            self.write_mask(truth / f"{name}{self.ending}", mask)
            image = np.clip(self.rng.normal(80, 25, mask.shape) + 45 * mask, 0, 255)
            self.write_mask(images / f"{name}_0000{self.ending}", image)


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content))


def analysed(dataset: str = "901", configuration: str = "2d", **options):
    """What comparison.json would contain; nothing is drawn or written."""
    how = {name: options.pop(name) for name in ("primary", "tolerance", "target") if name in options}
    return summarise(analyse(choose_arms(dataset, configuration, **options), **how))


def refuse(match: str, error: type[Exception] = LLM4SegError, **options) -> None:
    """A comparison stops with one sentence that `match` finds."""
    with pytest.raises(error, match=match) as caught:
        analysed(**options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")


def make(root, monkeypatch, arms=None, **options):
    """Results with nnU-Net's variables set to them."""
    fake = FakeResults(root, arms or {VANILLA: 2.0, LLM4SEG: 1.0}, **options)
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    return fake
