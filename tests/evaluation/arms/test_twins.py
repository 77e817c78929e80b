"""The vanilla twin of an arm."""

import pytest
from fake_results import write_json

from nnunet_llm4seg.errors import ComparisonError
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run
from nnunet_llm4seg.evaluation.arms.twins import are_twins, twin_trainer, vanilla_twin


@pytest.mark.parametrize(
    ("trainer", "other", "twins"),
    [
        ("nnUNetTrainerLLM4SegGated_5epochs", "nnUNetTrainer_5epochs", True),
        ("nnUNetTrainerLLM4SegRandom", "nnUNetTrainerLLM4Seg", True),
        ("nnUNetTrainerLLM4SegShort", "nnUNetTrainerShort", True),  # a user's own pair
        ("nnUNetTrainerLLM4Seg_5epochs", "nnUNetTrainer_10epochs", False),
        ("nnUNetTrainerLLM4Seg", "nnUNetTrainer_5epochs", False),
        ("nnUNetTrainerLLM4SegGatedNoDeepSupervision", "nnUNetTrainerNoDeepSupervision", True),
        ("nnUNetTrainerLLM4SegNoDeepSupervision", "nnUNetTrainer", False),
        ("nnUNetTrainerLLM4SegAdamW", "nnUNetTrainerLLM4Seg", False),
        ("nnUNetTrainerLLM4SegAdamW", "nnUNetTrainerAdam", False),  # nnU-Net's has amsgrad and another rate
    ],
)
def test_twins_differ_in_the_layer_only(trainer, other, twins):
    assert are_twins(trainer, other) == twins


@pytest.mark.parametrize(
    ("trainer", "twin"),
    [
        ("nnUNetTrainerLLM4Seg", "nnUNetTrainer"),
        ("nnUNetTrainerLLM4SegGated", "nnUNetTrainer"),
        ("nnUNetTrainerLLM4Seg_5epochs", "nnUNetTrainer_5epochs"),
        ("nnUNetTrainerLLM4SegRandom_1epoch", "nnUNetTrainer_1epoch"),
        ("nnUNetTrainerLLM4Seg_demo", "nnUNetTrainerVanilla_demo"),
        ("nnUNetTrainerLLM4SegRandom_smoke", "nnUNetTrainerVanilla_smoke"),
        ("nnUNetTrainerLLM4SegNoDeepSupervision", "nnUNetTrainerNoDeepSupervision"),
        ("nnUNetTrainerLLM4SegNoDeepSupervision_50epochs", "nnUNetTrainerVanillaNoDeepSupervision_50epochs"),
        ("nnUNetTrainerLLM4SegRandomAdamW", "nnUNetTrainerVanillaAdamW"),
        (
            "nnUNetTrainerLLM4SegAdamW1en4NoDeepSupervision_smoke",
            "nnUNetTrainerVanillaAdamW1en4NoDeepSupervision_smoke",
        ),
    ],
)
def test_vanilla_twin(tmp_path, trainer, twin):
    write_json(tmp_path / "plans.json", {"configurations": {}})
    assert vanilla_twin(Arm(trainer, "nnUNetPlans", (Run(tmp_path),))) == f"{twin}__nnUNetPlans"


def test_vanilla_twin_has_the_plans_that_the_candidates_were_made_from(tmp_path):
    write_json(tmp_path / "plans.json", {"configurations": {}, "llm4seg_source_plans": "nnUNetResEncUNetMPlans"})
    arm = Arm("nnUNetTrainerLLM4Seg", "nnUNetPlansLLM4Seg", (Run(tmp_path),))
    assert vanilla_twin(arm) == "nnUNetTrainer__nnUNetResEncUNetMPlans"
    with pytest.raises(ComparisonError, match="no vanilla twin"):
        vanilla_twin(Arm("nnUNetTrainer", "nnUNetPlans", (Run(tmp_path),)))


@pytest.mark.parametrize(
    ("trainer", "twin"),
    [
        ("nnUNetTrainerLLM4SegDA5", "nnUNetTrainerDA5"),
        ("nnUNetTrainerLLM4SegMine_50epochs", "nnUNetTrainerMine_50epochs"),
        ("nnUNetTrainerLLM4SegRandomCrop", "nnUNetTrainerRandomCrop"),
        ("nnUNetTrainerLLM4SegShuffledAdamW_smoke", "nnUNetTrainerVanillaAdamW_smoke"),
        ("nnUNetTrainerLLM4SegNoDeepSupervision", "nnUNetTrainerNoDeepSupervision"),
    ],
)
def test_the_twin_of_a_variant_keeps_all_but_the_layer(trainer, twin):
    assert twin_trainer(trainer) == twin
    assert are_twins(trainer, twin)


def test_another_augmentation_is_no_twin():
    assert not are_twins("nnUNetTrainerLLM4SegDA5", "nnUNetTrainer")


def test_every_trainer_of_this_package_has_a_twin_that_exists():
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    from nnunet_llm4seg.trainer import variants

    names = [name for name in vars(variants) if name.startswith("nnUNetTrainer")]
    twins = {twin_trainer(name) for name in names if "LLM4Seg" in name}
    for twin in sorted(twins - set(names)):
        recursive_find_trainer_class_by_name(twin)
