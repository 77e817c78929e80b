"""Small planned data sets, made up: what nnU-Net's planner reads, a few black images, no preprocessed data."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

INTENSITIES = {"max": 255.0, "mean": 80.0, "median": 75.0, "min": 0.0, "percentile_00_5": 5.0}
INTENSITIES |= {"percentile_99_5": 220.0, "std": 40.0}


def _folders(root: Path, name: str) -> tuple[Path, Path]:
    raw, preprocessed = root / "nnUNet_raw" / name, root / "nnUNet_preprocessed" / name
    for folder in (raw / "imagesTr", raw / "labelsTr", preprocessed):
        folder.mkdir(parents=True)
    return raw, preprocessed


def _describe(raw: Path, preprocessed: Path, dataset: dict, shape: list[int], spacing: list[float]) -> None:
    (raw / "dataset.json").write_text(json.dumps(dataset))
    cases = dataset["numTraining"]
    fingerprint = {
        "shapes_after_crop": [shape] * cases,
        "spacings": [spacing] * cases,
        "median_relative_size_after_cropping": 1.0,
        "foreground_intensity_properties_per_channel": {"0": INTENSITIES},
    }
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))


def planned_2d(root: Path, *, sizes: tuple[int, ...] = (256, 256), cropped: int = 256) -> Path:
    """647 grey images as BUSI has them; nnU-Net's own plans for `2d`. Returns the preprocessed folder.

    Args:
        sizes: Edges of the images that exist.
        cropped: Median edge after nnU-Net's crop to nonzero.
    """
    raw, preprocessed = _folders(root, "Dataset001_Example2D")
    dataset = {
        "channel_names": {"0": "zscore"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 647,
        "file_ending": ".png",
    }
    for number, size in enumerate(sizes):
        Image.new("L", (size, size)).save(raw / f"imagesTr/case{number}_0000.png")
    _describe(raw, preprocessed, dataset, [1, cropped, cropped], [999.0, 1.0, 1.0])
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    plans = {
        **_head(preprocessed.name, [999.0, 1.0, 1.0], [1, cropped, cropped], "NaturalImage2DIO"),
        "configurations": {
            "2d": {
                "data_identifier": "nnUNetPlans_2d",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 49,
                "patch_size": [256, 256],
                "median_image_size_in_voxels": [float(cropped), float(cropped)],
                "spacing": [1.0, 1.0],
                "normalization_schemes": ["ZScoreNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": resampling,
                "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
                "architecture": {},
                "batch_dice": True,
            }
        },
    }
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    return preprocessed


def planned_3d(root: Path) -> Path:
    """30 CT volumes of BTCV's usual size; plans with the head only, which is what the protocol reads."""
    raw, preprocessed = _folders(root, "Dataset002_Example3D")
    organs = [
        *("background", "spleen", "right kidney", "left kidney", "gallbladder", "esophagus", "liver", "stomach"),
        *("aorta", "inferior vena cava", "portal vein and splenic vein", "pancreas", "right adrenal gland"),
        "left adrenal gland",
    ]
    dataset = {
        "channel_names": {"0": "CT"},
        "labels": {organ: number for number, organ in enumerate(organs)},
        "numTraining": 30,
        "file_ending": ".nii.gz",
    }
    _describe(raw, preprocessed, dataset, [148, 512, 512], [3.0, 0.75, 0.75])
    plans = {**_head(preprocessed.name, [3.0, 0.75, 0.75], [148, 512, 512], "SimpleITKIO"), "configurations": {}}
    plans["configurations"]["3d_fullres"] = {"spacing": [3.0, 0.75, 0.75]}
    (preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans))
    return preprocessed


def _head(dataset: str, spacing: list[float], shape: list[int], reader: str) -> dict:
    return {
        "dataset_name": dataset,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": spacing,
        "original_median_shape_after_transp": shape,
        "image_reader_writer": reader,
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": INTENSITIES},
    }
