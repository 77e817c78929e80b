import multiprocessing
import pickle
import re
import sys
from pathlib import Path

import pytest

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.nnunet.environment import trainers_folder, with_trainers
from nnunet_llm4seg.trainer import variants
from nnunet_llm4seg.trainer.variants import SHORT_TRAINERS, TRAINERS, VARIANTS


@pytest.fixture
def ext_trainer(monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(trainers_folder()))


def test_the_names_are_the_published_ones():
    names = ["", "DeepSeek", "Trainable", "Random", "RandomTrainable", "Shuffled", "Gated", "Residual", "Identity"]
    names += ["LoRA"]
    assert list(VARIANTS) == names
    assert {f"nnUNetTrainerLLM4Seg{n}{s}" for n in names for s in ("", "_1epoch", "_5epochs", "_250epochs")} <= set(
        TRAINERS
    )


def test_epoch_suffixes_are_those_of_nnunet():
    from nnunetv2.training.nnUNetTrainer.variants.training_length import nnUNetTrainer_Xepochs as theirs

    suffixes = {n.removeprefix("nnUNetTrainer") for n in vars(theirs) if n.startswith("nnUNetTrainer_")} | {""}
    assert set(TRAINERS) == {f"nnUNetTrainerLLM4Seg{name}{suffix}" for name in VARIANTS for suffix in suffixes}
    for name, trainer in TRAINERS.items():
        variant, _, suffix = name.removeprefix("nnUNetTrainerLLM4Seg").partition("_")
        assert trainer.__name__ == name and trainer.variant == VARIANTS[variant]
        assert trainer.epochs == (int(re.match(r"\d+", suffix)[0]) if suffix else None)


def test_every_trainer_is_written_out_where_an_editor_and_grep_find_it():
    for name, trainer in (TRAINERS | SHORT_TRAINERS).items():
        source = Path(sys.modules[trainer.__module__].__file__).read_text()
        assert f"class {name}(" in source
        assert getattr(sys.modules[trainer.__module__], name) is getattr(variants, name) is trainer


def test_every_variant_has_a_training_of_four_iterations_as_its_vanilla_arm():
    for name, fields in VARIANTS.items():
        trainer = SHORT_TRAINERS[f"nnUNetTrainerLLM4Seg{name}_smoke"]
        assert (trainer.variant, trainer.epochs, trainer.iterations) == (fields, 1, 4)
    vanilla = SHORT_TRAINERS["nnUNetTrainerVanilla_smoke"]
    assert (vanilla.epochs, vanilla.iterations, vanilla.validation_iterations) == (1, 4, 1)


@pytest.mark.parametrize("fields", VARIANTS.values(), ids=str)
def test_every_variant_sets_allowed_values(fields):
    LLM4SegConfig.from_dict(fields)


@pytest.mark.parametrize(
    "name",
    [
        "nnUNetTrainerLLM4Seg",
        "nnUNetTrainerLLM4SegGated",
        "nnUNetTrainerLLM4SegRandom_5epochs",
        "nnUNetTrainerVanilla_smoke",
        "nnUNetTrainerLLM4SegShuffled_smoke",
    ],
)
def test_nnunet_finds_each_trainer_as_one_class_that_pickles(ext_trainer, name):
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find

    first, second = find(name), find(name)
    assert first is second is (TRAINERS | SHORT_TRAINERS)[name]
    assert first.__name__ == name
    assert pickle.loads(pickle.dumps(first)) is first


def test_a_spawned_worker_finds_the_trainer(ext_trainer):
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(find, ("nnUNetTrainerLLM4Seg_5epochs",))
    assert found is TRAINERS["nnUNetTrainerLLM4Seg_5epochs"]


def test_our_folder_comes_first_once_and_others_stay():
    ours = str(trainers_folder())
    assert with_trainers(None) == with_trainers("") == with_trainers(ours) == ours
    assert with_trainers("/a:/b") == f"{ours}:/a:/b" == with_trainers(f"/a:{ours}:/b")
