"""Checkpoints and plans of earlier code load and predict the same; see make_old_checkpoints.py."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ModelNotFoundError
from nnunet_llm4seg.nnunet.environment import with_trainers
from nnunet_llm4seg.trainer.variants import SHORT_TRAINERS

FOLDER = Path(__file__).parent / "data" / "checkpoints"
EXAMPLES = sorted((Path(__file__).parents[1] / "plans" / "examples").glob("*.json"))
ARMS = sorted(path.name for path in FOLDER.glob("*_?d"))


@pytest.fixture(autouse=True)
def _as_when_trained(monkeypatch):
    """The settings name the language model by a relative path; nnU-Net must find our trainers."""
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("nnUNet_extTrainer", with_trainers(None))


def predictor(results: Path) -> nnUNetPredictor:
    made = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    made.initialize_from_trained_model_folder(str(results), (0,))
    return made


def assert_predicts_the_same(made: nnUNetPredictor, arm: str) -> None:
    case = np.load(FOLDER / arm / "case.npz")
    output = made.predict_logits_from_preprocessed_data(torch.from_numpy(case["input"])).float().numpy()
    assert np.linalg.norm(output - case["output"]) < 1e-6 * np.linalg.norm(case["output"])


def test_every_kind_of_checkpoint_is_kept():
    kinds = ("frozen", "trainable", "stripped", "gated")
    assert sorted(f"{kind}_{dims}d" for kind in kinds for dims in (2, 3)) == ARMS
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    assert size < 2e6


@pytest.mark.parametrize("arm", ARMS)
def test_nnunets_predictor_loads_it_and_predicts_the_same(arm):
    assert_predicts_the_same(predictor(FOLDER / arm), arm)


@pytest.mark.parametrize("arm", ARMS)
def test_its_trainer_loads_it_continues_its_settings_and_predicts_the_same(arm, tmp_path, monkeypatch):
    plans = json.loads((FOLDER / arm / "plans.json").read_text())
    dataset = json.loads((FOLDER / arm / "dataset.json").read_text())
    checkpoint = torch.load(FOLDER / arm / "fold_0" / "checkpoint_final.pth", weights_only=False)
    name, configuration = checkpoint["trainer_name"], checkpoint["init_args"]["configuration"]
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    results = tmp_path / "nnUNet_results" / plans["dataset_name"] / f"{name}__{plans['plans_name']}__{configuration}"
    shutil.copytree(FOLDER / arm, results)
    data = tmp_path / "nnUNet_preprocessed" / plans["dataset_name"] / f"nnUNetPlans_{configuration}"
    data.mkdir(parents=True)
    (data / "case.b2nd").touch()
    architecture = plans["configurations"][configuration]["architecture"]
    trained_with = architecture.pop("llm4seg_resolved")

    trainer = SHORT_TRAINERS[name](
        {**plans, "continue_training": True}, configuration, 0, dataset, torch.device("cpu")
    )
    trainer.initialize()
    trainer.load_checkpoint(str(results / "fold_0" / "checkpoint_final.pth"))
    assert trainer.current_epoch == checkpoint["current_epoch"] == 1
    assert trainer.bottleneck.loaded
    # a later format may add keys; those of the old format are kept
    entry = trainer.plans_manager.plans["configurations"][configuration]["architecture"]["llm4seg_resolved"]
    assert {key: entry[key] for key in trained_with if key != "config"} == {
        key: value for key, value in trained_with.items() if key != "config"
    }
    assert {key: entry["config"][key] for key in trained_with["config"]} == trained_with["config"]

    trainer.set_deep_supervision_enabled(False)
    made = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    made.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        None,
        trainer.dataset_json,
        name,
        trainer.inference_allowed_mirroring_axes,
    )
    made.list_of_parameters = [trainer.network.state_dict()]
    assert_predicts_the_same(made, arm)


@pytest.mark.parametrize("dims", [2, 3])
def test_only_a_stripped_one_needs_the_language_model(dims, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for kind in ("frozen", "trainable", "gated"):
        predictor(FOLDER / f"{kind}_{dims}d")
    with pytest.raises(ModelNotFoundError, match="by sha256"):
        predictor(FOLDER / f"stripped_{dims}d")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_plans_are_read_by_nnunet_and_name_their_settings(path):
    plans = json.loads(path.read_text())
    (configuration,) = (name for name in plans["configurations"] if path.name.startswith(name))
    architecture = PlansManager(plans).get_configuration(configuration).configuration["architecture"]
    assert ("llm4seg" in architecture) == path.stem.endswith("_LLM4Seg")
    LLM4SegConfig.from_dict(architecture.get("llm4seg", {}))
