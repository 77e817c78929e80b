"""Results folders as nnU-Net leaves them, with tiny untrained networks: made in a second, without training."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from tiny_models import save_model

from nnunet_llm4seg.llm.source import prepare_known
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.settings import resolve, write_into

DATASET = "Dataset003_Tiny"
DATASET_JSON = {
    "channel_names": {"0": "zscore"},
    "labels": {"background": 0, "lesion": 1},
    "numTraining": 4,
    "file_ending": ".png",
}
_RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
PATCH = {2: (32, 32), 3: (16, 16, 16)}
CONFIGURATION = {2: "2d", 3: "3d_fullres"}


def plans_for(dim: int) -> dict:
    """nnU-Net's plans with three stages, so a grid of 8x8 or 4x4x4 tokens."""
    arch = {
        "n_stages": 3,
        "features_per_stage": [4, 8, 12],
        "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
        "kernel_sizes": [[3] * dim] * 3,
        "strides": [[1] * dim, [2] * dim, [2] * dim],
        "n_conv_per_stage": [1, 1, 1],
        "n_conv_per_stage_decoder": [1, 1],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    entry = {
        "data_identifier": f"nnUNetPlans_{dim}d",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(PATCH[dim]),
        "median_image_size_in_voxels": list(PATCH[dim]),
        "spacing": [1.0] * dim,
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        **{f"resampling_fn_{what}": "resample_data_or_seg_to_shape" for what in ("data", "seg", "probabilities")},
        **{f"resampling_fn_{what}_kwargs": _RESAMPLING for what in ("data", "seg", "probabilities")},
        "batch_dice": True,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": arch,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }
    return {
        "dataset_name": DATASET,
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "NaturalImage2DIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {CONFIGURATION[dim]: entry},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {"mean": 0.0, "std": 1.0}},
    }


def build(root: Path, dim: int, llm: bool, **fields) -> tuple[torch.nn.Module, dict, type]:
    """A network with random weights, its plans and its trainer."""
    plans, configuration = plans_for(dim), CONFIGURATION[dim]
    trainer = nnUNetTrainerLLM4Seg if llm else nnUNetTrainer
    settings = None
    if llm:
        model = root / "llm"
        asked = {"model": str(model if model.is_dir() else save_model(model)), "layer": 1, **fields}
        plans["configurations"][configuration]["architecture"]["llm4seg"] = asked
        settings = resolve(plans, configuration, trainer.__name__, {}, root / "no results yet")
        write_into(plans, configuration, settings)
    torch.manual_seed(0)
    manager = PlansManager(plans)
    network = trainer.build_network_architecture(manager, manager.get_configuration(configuration), 1, 2, False)
    if settings:
        network.bottleneck.load_layer(prepare_known(settings.config, settings.spec))
    return network, plans, trainer


def save_fold(root: Path, dim: int = 2, llm: bool = True) -> Path:
    """A results folder with fold 0, whose validation cases `a` and `b` (no foreground) are preprocessed."""
    network, plans, trainer = build(root, dim, llm)
    configuration = CONFIGURATION[dim]
    folder = root / "nnUNet_results" / DATASET / f"{trainer.__name__}__nnUNetPlans__{configuration}"
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(DATASET_JSON))
    checkpoint = {
        "network_weights": network.state_dict(),
        "current_epoch": 1,
        "trainer_name": trainer.__name__,
        "init_args": {"configuration": configuration},
        "inference_allowed_mirroring_axes": (0, 1),
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    data = root / "nnUNet_preprocessed" / DATASET
    stored = data / plans["configurations"][configuration]["data_identifier"]
    stored.mkdir(parents=True, exist_ok=True)
    (data / "splits_final.json").write_text(json.dumps([{"train": ["c", "d"], "val": ["a", "b"]}]))
    rng = np.random.default_rng(0)
    shape = (1, 40, 28) if dim == 2 else (20, 14, 16)
    for case in "ab":
        labels = np.zeros((1, *shape), np.int8)
        if case == "a":
            labels[..., -12:-4, -12:-4] = 1
        image = rng.normal(size=(1, *shape)).astype(np.float32) + 2 * labels
        np.savez_compressed(stored / f"{case}.npz", data=image, seg=labels)
        (stored / f"{case}.pkl").write_bytes(pickle.dumps({}))
    return folder
