"""Trainers of users: another parent's network, loss or augmentation beside the layer; see docs/subclassing.md."""

import re
from pathlib import Path

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.training.nnUNetTrainer.variants.network_architecture.nnUNetTrainerBN import nnUNetTrainerBN

from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg


class LayerFirst(nnUNetTrainerLLM4Seg, nnUNetTrainerBN):
    pass


class LayerLast(nnUNetTrainerBN, nnUNetTrainerLLM4Seg):
    pass


@pytest.fixture
def made(folders, llama):
    def make(trainer, its_plans=None):
        its_plans = its_plans or plans(model=str(llama), layer=1)
        return trainer(its_plans, "2d", 0, DATASET, torch.device("cpu"))

    return make


def test_the_other_parents_network_is_kept_beside_the_layer(made):
    trainer = made(LayerFirst)
    trainer.initialize()
    kinds = {type(module) for module in trainer.network.modules()}
    assert torch.nn.BatchNorm2d in kinds and torch.nn.InstanceNorm2d not in kinds
    assert trainer.bottleneck.config.layer == 1


def test_the_wrong_order_of_parents_is_one_sentence(made):
    with pytest.raises(ConfigError, match=r"name the LLM4Seg trainer first, `class LayerLast\(nnUNetTrainerLLM4Seg"):
        made(LayerLast).initialize()


def test_a_configuration_that_was_not_planned_is_refused(made, llama):
    its_plans = plans(model=str(llama), layer=1)
    asking = its_plans["configurations"]["2d"]
    its_plans["configurations"]["3d_fullres"] = asking
    vanilla = {key: value for key, value in asking["architecture"].items() if key != "llm4seg"}
    its_plans["configurations"]["2d"] = {**asking, "architecture": vanilla}
    with pytest.raises(ConfigError, match=r"ask for an LLM layer in 3d_fullres, not in '2d'; plan it too"):
        made(nnUNetTrainerLLM4Seg, its_plans)


def test_plans_that_nobody_made_say_in_the_first_line_what_is_used(made, llama, monkeypatch):
    monkeypatch.setattr(nnUNetTrainerLLM4Seg, "variant", {"model": str(llama), "layer": 1})
    trainer = made(nnUNetTrainerLLM4Seg, plans())
    with open(trainer.log_file) as file:
        text = file.read()
    first = next(line for line in text.splitlines() if "llm4seg plan" in line)
    assert first.startswith("The plans 'P' were not made by `llm4seg plan`, so these defaults are used. LLM4Seg: ")
    assert "layer 1 || weights pretrained (frozen)" in first


@pytest.fixture
def page():
    """The names that the code of docs/subclassing.md defines."""
    text = (Path(__file__).parents[2] / "docs" / "subclassing.md").read_text(encoding="utf-8")
    names = {"__name__": "page"}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), names)
    return names


def test_the_pages_code_runs_and_its_trainer_has_the_layer_and_batch_normalisation(made, page):
    trainer = made(page["nnUNetTrainerLLM4SegBN"])
    trainer.initialize()
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in trainer.network.modules())
    assert trainer.bottleneck.config.layer == 1


def test_the_pages_own_loss_augmentation_and_optimiser_come_into_effect(made, page):
    trainer = made(page["nnUNetTrainerLLM4SegDiceNoMirroring"])
    trainer.initialize()
    assert not hasattr(trainer.loss.loss, "ce")
    assert trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[-1] is None
    assert {group["weight_decay"] for group in trainer.optimizer.param_groups} == {1e-4}
    assert page["nnUNetTrainerLLM4SegDA5"].get_training_transforms is page["nnUNetTrainerDA5"].get_training_transforms
