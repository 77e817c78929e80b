"""The names of nnU-Net's files and folders on which we rely."""

from __future__ import annotations

from pathlib import Path

# in a results folder, and in each of its folds
PLANS = "plans.json"
DATASET = "dataset.json"
FINAL_CHECKPOINT = "checkpoint_final.pth"
BEST_CHECKPOINT = "checkpoint_best.pth"
LATEST_CHECKPOINT = "checkpoint_latest.pth"
DEBUG = "debug.json"
VALIDATION = "validation"
SUMMARY = "summary.json"

# in a data set's folder in nnUNet_preprocessed
SPLITS = "splits_final.json"
FINGERPRINT = "dataset_fingerprint.json"
REFERENCES = "gt_segmentations"

# in a data set's folder in nnUNet_raw
TRAINING_IMAGES = "imagesTr"
TRAINING_LABELS = "labelsTr"
HELD_OUT_IMAGES = "imagesTs"
HELD_OUT_LABELS = "labelsTs"


def model_folder_name(trainer: str, plans: str, configuration: str) -> str:
    """Name of a results folder, such as `nnUNetTrainer__nnUNetPlans__2d`."""
    return f"{trainer}__{plans}__{configuration}"


def fold_folder(model_folder: Path, fold: int | str) -> Path:
    """The folder of a fold (a number, or `all`) in a results folder."""
    return model_folder / f"fold_{fold}"
