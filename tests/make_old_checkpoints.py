"""Make tests/data/checkpoints: what earlier code trained, for today's code to load. Run by hand, see its test.

The files there were made by the code of commit 5b19027, through nnU-Net's own commands, and stay as they are: made
again by later code they would not show that old checkpoints load. A new kind of checkpoint is a new line in `ARMS`.
The settings name the language model by a relative path, to be read with `FOLDER` as the current folder.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from project import Project, add_dataset_2d, add_dataset_3d
from tiny_models import save_model

FOLDER = Path(__file__).parent / "data" / "checkpoints"
MODEL = "language_model"
# arm -> (trainer, options of `llm4seg plan`)
ARMS = {
    "frozen": ("nnUNetTrainerLLM4Seg_smoke", []),
    "trainable": ("nnUNetTrainerLLM4SegTrainable_smoke", []),
    "stripped": ("nnUNetTrainerLLM4Seg_smoke", ["--no-embed-weights"]),
    "gated": ("nnUNetTrainerLLM4SegGated_smoke", []),
}


def one_layer(folder: Path) -> None:
    """A tiny LLaMA in bfloat16, reduced to the tensors of layer 1."""
    from safetensors.torch import load_file, save_file

    save_model(
        folder, torch.bfloat16, hidden_size=16, intermediate_size=24, num_attention_heads=2, num_key_value_heads=1
    )
    tensors = load_file(folder / "model.safetensors")
    save_file({k: t for k, t in tensors.items() if k.startswith("layers.1.")}, folder / "model.safetensors")


def tiny_plans(folder: Path, configuration: str) -> None:
    """Tiny.json: nnU-Net's plans with a network of a few thousand parameters and a smaller patch."""
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    plans["plans_name"] = "Tiny"
    dims = 2 if configuration == "2d" else 3
    settings = plans["configurations"][configuration]
    settings["batch_size"], settings["patch_size"] = 2, [32, 24, 16][:dims]
    settings["architecture"]["arch_kwargs"].update(
        n_stages=3,
        features_per_stage=[4, 6, 8],
        kernel_sizes=[[3] * dims] * 3,
        strides=[[1] * dims, [2] * dims, [2] * dims],
        n_conv_per_stage=[1, 1, 1],
        n_conv_per_stage_decoder=[1, 1],
    )
    (folder / "Tiny.json").write_text(json.dumps(plans))


def logits(results: Path, image: torch.Tensor) -> np.ndarray:
    """(1, C, *patch) -> (classes, *patch), predicted by nnU-Net with all its mirroring."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(results), (0,))
    return predictor.predict_logits_from_preprocessed_data(image).float().numpy()


def main() -> None:
    root = Path(tempfile.mkdtemp())
    project = Project(root)
    one_layer(root / MODEL)
    os.environ.update(project.environment())
    os.chdir(root)
    FOLDER.mkdir(parents=True)
    shutil.copytree(root / MODEL, FOLDER / MODEL)
    for dims in (2, 3):
        configuration = "2d" if dims == 2 else "3d_fullres"
        dataset = add_dataset_2d(project, 902) if dims == 2 else add_dataset_3d(project, 903)
        project.run("nnUNetv2_plan_and_preprocess", "-d", dataset[7:10], "-c", configuration, "-np", 1, "-npfp", 1)
        tiny_plans(project.preprocessed / dataset, configuration)
        for arm, (trainer, options) in ARMS.items():
            words = ["llm4seg", "plan", dataset[7:10], "-c", configuration, "-p", "Tiny", "-o", f"Tiny_{arm}"]
            project.run(*words, "--model", MODEL, "--layer", 1, *options)
            project.train(dataset, configuration, 0, "-p", f"Tiny_{arm}", "-tr", trainer)
            results = project.model_folder(dataset, trainer, f"Tiny_{arm}", configuration)
            kept = FOLDER / f"{arm}_{dims}d"
            (kept / "fold_0").mkdir(parents=True)
            for name in ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth"):
                shutil.copy(results / name, kept / name)
            torch.manual_seed(dims)
            image = torch.randn(1, *([1, 40, 32] if dims == 2 else [20, 24, 32]))
            np.savez(kept / "case.npz", input=image.numpy(), output=logits(kept, image))
            print(kept, sum(p.stat().st_size for p in kept.rglob("*") if p.is_file()))


if __name__ == "__main__":
    sys.exit(main())
