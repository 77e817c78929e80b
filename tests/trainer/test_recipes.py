"""Recipes of the paper's other networks: both arms get the same optimiser, rate and supervision."""

import pickle

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg.evaluation.arms.twins import twin_trainer
from nnunet_llm4seg.nnunet.environment import trainers_folder
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.recipes import RECIPES, vanilla_trainer
from nnunet_llm4seg.trainer.variants import RECIPE_TRAINERS

VARIANTS = ["", "DeepSeek", "Trainable", "Random", "RandomTrainable", "Shuffled", "Gated", "Residual", "Identity"]
VARIANTS += ["LoRA"]
SUFFIXES = ["", "_smoke", "_50epochs", "_100epochs", "_250epochs"]
# supervision, class, rate, weight decay, eps
EXPECTED = {
    "NoDeepSupervision": (False, torch.optim.SGD, 1e-2, 3e-5, None),
    "AdamW": (True, torch.optim.AdamW, 1e-3, 3e-5, 1e-4),
    "AdamW1en4NoDeepSupervision": (False, torch.optim.AdamW, 1e-4, 1e-2, 1e-8),
}


@pytest.fixture
def train(folders, llama):
    """Make a trainer with a tiny network, without data."""

    def train(trainer: type[nnUNetTrainer]) -> nnUNetTrainer:
        asked = {"model": str(llama), "layer": 1} if issubclass(trainer, nnUNetTrainerLLM4Seg) else {}
        made = trainer(plans(**asked), "2d", 0, DATASET, torch.device("cpu"))
        made.initialize()
        return made

    return train


def test_every_variant_has_every_recipe_in_the_same_lengths():
    assert list(RECIPES) == list(EXPECTED)
    names = {f"nnUNetTrainerLLM4Seg{v}{r}{s}" for v in VARIANTS for r in RECIPES for s in SUFFIXES}
    vanilla = {f"nnUNetTrainerVanilla{r}{s}" for r in RECIPES for s in SUFFIXES}
    vanilla -= {"nnUNetTrainerVanillaNoDeepSupervision"}  # nnU-Net's own nnUNetTrainerNoDeepSupervision
    assert names | vanilla <= set(RECIPE_TRAINERS)


def test_the_twin_of_every_arm_exists():
    for name, trainer in RECIPE_TRAINERS.items():
        if issubclass(trainer, nnUNetTrainerLLM4Seg):
            assert twin_trainer(name) in {*RECIPE_TRAINERS, "nnUNetTrainerNoDeepSupervision"}
    for recipe in RECIPES:
        assert vanilla_trainer(recipe) == twin_trainer(f"nnUNetTrainerLLM4Seg{recipe}")


def test_a_recipe_changes_no_field_of_the_layer():
    for name, trainer in RECIPE_TRAINERS.items():
        if issubclass(trainer, nnUNetTrainerLLM4Seg):
            inherited = next(base for base in trainer.__mro__ if base.__name__ == name.split("_")[0]).__bases__[0]
            assert trainer.variant == inherited.variant


@pytest.mark.parametrize("recipe", EXPECTED)
@pytest.mark.parametrize("suffix", ["_smoke", "_50epochs"])
def test_both_arms_of_a_recipe_train_alike(train, recipe, suffix):
    supervision, optimizer_class, rate, decay, eps = EXPECTED[recipe]
    arms = [train(RECIPE_TRAINERS[f"nnUNetTrainer{arm}{recipe}{suffix}"]) for arm in ("Vanilla", "LLM4Seg")]
    optimizers = [arm.optimizer for arm in arms]
    for arm, optimizer in zip(arms, optimizers, strict=True):
        assert arm.enable_deep_supervision == supervision
        assert arm.num_epochs == {"_smoke": 1, "_50epochs": 50}[suffix]
        assert type(optimizer) is optimizer_class
        group = optimizer.param_groups[0]
        assert (group["lr"], group["weight_decay"], group.get("eps")) == (rate, decay, eps)
        assert all(parameter.requires_grad for parameter in group["params"])
    settings = [{k: v for k, v in o.param_groups[0].items() if k != "params"} for o in optimizers]
    assert settings[0] == settings[1]


def test_without_a_length_the_vanilla_arm_of_no_deep_supervision_is_nnunets(train):
    from nnunetv2.training.nnUNetTrainer.variants.network_architecture.nnUNetTrainerNoDeepSupervision import (
        nnUNetTrainerNoDeepSupervision,
    )

    theirs = train(nnUNetTrainerNoDeepSupervision)
    ours = train(RECIPE_TRAINERS["nnUNetTrainerLLM4SegNoDeepSupervision"])
    assert ours.enable_deep_supervision is theirs.enable_deep_supervision is False
    assert ours.num_epochs == theirs.num_epochs


def test_nnunet_finds_the_recipes_by_name(monkeypatch):
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find

    monkeypatch.setenv("nnUNet_extTrainer", str(trainers_folder()))
    for name in ("nnUNetTrainerVanillaAdamW", "nnUNetTrainerLLM4SegGatedAdamW1en4NoDeepSupervision_smoke"):
        assert find(name) is RECIPE_TRAINERS[name]
        assert pickle.loads(pickle.dumps(find(name))) is find(name)
