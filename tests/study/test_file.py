"""The study file: what it says, what is refused, and how."""

import re
from pathlib import Path

import pytest

from nnunet_llm4seg.errors import ConfigError, StudyError
from nnunet_llm4seg.nnunet import lengths
from nnunet_llm4seg.study.engines import LocalEngine, SlurmEngine
from nnunet_llm4seg.study.file import parse_study

WHOLE = """
study: busi_smollm2
datasets: [101, Dataset104_Hippocampus]
configuration: {default: 2d, 104: 3d_fullres}
plans: nnUNetPlans
folds: all
runs: 3
epochs: 250
arms:
  vanilla: vanilla
  frozen: {model: SmolLM2.gguf, layer: 14}
  shuffled: {model: SmolLM2.gguf, layer: 14, weights: shuffled}
  sweep: {model: SmolLM2.gguf, layer: [0, 4], stage: [-1, -2]}
claims: [frozen > vanilla, frozen > shuffled]
engine: {kind: local, gpus: [0, 1], cores: 16}
"""
BASE = Path("/studies")


def parse(text=WHOLE, **changed):
    for old, new in changed.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{old}:")]
        text = "\n".join([*lines, *([f"{old}: {new}"] if new is not None else [])])
    return parse_study(text, BASE, "study.yaml")


def arms(text):
    return parse("study: s\ndatasets: [1]\nconfiguration: 2d\narms:\n" + text)


def test_a_whole_file_is_read():
    study = parse()
    assert study.folder == BASE / "busi_smollm2"
    assert study.datasets == ("101", "Dataset104_Hippocampus")
    assert study.configuration("101") == "2d"
    assert study.configuration("Dataset104_Hippocampus") == "3d_fullres"  # named by its number alone
    assert study.folds is None and study.runs == 3 and study.epochs == 250
    assert [str(claim) for claim in study.claims] == ["frozen > vanilla", "frozen > shuffled"]
    assert study.engine == LocalEngine(gpus=(0, 1), cores=16)


def test_a_list_makes_one_arm_per_value_and_lists_are_combined():
    names = [arm.name for arm in parse().arms]
    assert names == [
        *("vanilla", "frozen", "shuffled"),
        *("sweep_layer0_stagem1", "sweep_layer0_stagem2", "sweep_layer4_stagem1", "sweep_layer4_stagem2"),
    ]
    assert dict(parse().arms[-1].fields) == {"model": "SmolLM2.gguf", "layer": 4, "stage": -2}


def test_models_in_a_list_are_named_by_their_last_part():
    study = arms("  m: {model: [org/Tiny-LLM, folders/a_b.gguf]}\n")
    assert [arm.name for arm in study.arms] == ["m_modelTiny-LLM", "m_modela-b.gguf"]


def test_what_is_omitted_has_a_default():
    study = arms("  vanilla: vanilla\n")
    assert (study.runs, study.epochs, study.folds, study.claims) == (1, 1000, None, ())
    assert study.engine == LocalEngine()
    assert study.plans.source == "nnUNetPlans"


def test_a_smoke_run_has_a_folder_of_its_own():
    smoke = parse().as_smoke()
    assert smoke.folder == BASE / "busi_smollm2_smoke" and smoke.epochs == "smoke"
    assert smoke.as_smoke() == smoke


def test_data_sets_that_are_made_from_others_are_read():
    study = parse(degrade="{101: {dataset: Dataset007_X, label_noise: eroded:2, seed: 3}}")
    assert list(study.degraded) == ["101"] and parse().degraded == {}
    made = study.degraded["101"]
    assert made.source == "Dataset007_X" and made.how.folder_name(101, made.source) == "Dataset101_X_eroded2_seed3"


def test_a_slurm_engine_is_read():
    engine = parse(
        engine='{kind: slurm, partition: gpu, gres: "gpu:1", cpus: 12, mem: 48G, time: "1-02:00:30"}'
    ).engine
    assert engine == SlurmEngine(partition="gpu", gres="gpu:1", cpus=12, mem="48G", minutes=26 * 60 + 1)
    assert engine.device == "cuda"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"epoch": "250"}, ["'epoch'", "did you mean 'epochs'?"]),
        ({"epochs": "68"}, ["68", "50, 100", "smoke"]),
        ({"epochs": "true"}, ["True"]),
        ({"datasets": None}, ["datasets is missing", "[101, Dataset104_Hippocampus]"]),
        ({"datasets": "[1, 1]"}, ["each once"]),
        ({"study": "a__b"}, ["a__b"]),
        ({"study": "../up"}, ["../up"]),
        ({"runs": "0"}, ["runs", "at least 1"]),
        ({"runs": "true"}, ["runs", "True"]),
        ({"folds": "[0, 0]"}, ["folds", "[0, 1, 2]"]),
        ({"folds": "5"}, ["folds: 5"]),
        ({"configuration": "{default: 2d, 105: 2d}"}, ["'105'"]),
        ({"configuration": "{101: 2d}"}, ["Dataset104_Hippocampus has none"]),
        ({"plans": "{protokol: paper}"}, ["'protokol'", "did you mean 'protocol'?"]),
        ({"plans": "../other/plans"}, ["'../other/plans'", "a name such as nnUNetPlans"]),
        ({"plans": "''"}, ["plans: '' is not allowed"]),
        ({"plans": "{features: [64, 8]}"}, ["features: [64, 8]", "such as [8, 64]"]),
        ({"plans": "{features: [8, 64], protocol: paper}"}, ["features: not together with protocol"]),
        ({"plans": "{convolutions: 1, backbone: cmunext}"}, ["convolutions: not together with backbone"]),
        ({"plans": "{convolutions: 0}"}, ["convolutions", "at least 1"]),
        ({"claims": "[frozen > vanila]"}, ["'vanila'", "did you mean 'vanilla'?"]),
        ({"claims": "[frozen]"}, ["'frozen'", "frozen > vanilla"]),
        ({"claims": "[frozen > vanilla, frozen > vanilla]"}, ["occurs twice"]),
        ({"degrade": "{102: {dataset: 101, train_fraction: 0.1}}"}, ["degrade", "no key '102'; did you mean '101'"]),
        ({"degrade": "{101: {dataset: 7}}"}, ["degrade: 101: degrade takes either"]),
        ({"degrade": "{101: {train_fraction: 0.1}}"}, ["degrade: 101: dataset is missing"]),
        ({"degrade": "{101: {dataset: 7, train_fraction: 2}}"}, ["train fraction: 2 is not allowed"]),
        ({"degrade": "{101: {dataset: 7, label_nose: x}}"}, ["did you mean 'label_noise'?"]),
        ({"degrade": "{101: {dataset: 7, label_noise: shifted}}"}, ["shifted takes 1 to 1000 pixels"]),
        ({"degrade": "{101: {dataset: 101, train_fraction: 0.1}}"}, ["101 is degraded itself"]),
        ({"engine": "{kind: locale}"}, ["'locale'", "did you mean 'local'?"]),
        ({"engine": "{kind: local, gpu: [0]}"}, ["'gpu'", "did you mean 'gpus'?"]),
        ({"engine": "{kind: local, gpus: [0, 0]}"}, ["each GPU once"]),
        ({"engine": "{kind: local, gpus: [0, 1, 2], gpus_per_training: 2}"}, ["groups of 2"]),
        ({"engine": "{kind: local, gpus: [0], slots: 2}"}, ["slots", "CPU"]),
        ({"engine": "{kind: slurm, time: 24:00:00}"}, ["time: 86400", "quotes"]),
        ({"engine": "{kind: slurm, partion: gpu}"}, ["did you mean 'partition'?"]),
        ({"engine": '{kind: slurm, partition: "gpu\\nrm"}'}, ["partition: 'gpu\\nrm'", "in one line"]),
        ({"engine": '{kind: slurm, additional_parameters: {a: "b\\nrm"}}'}, ["a: 'b\\nrm'", "in one line"]),
        ({"epochs": "2024-13-45"}, ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(changed, words):
    with pytest.raises(StudyError) as error:
        parse(**changed)
    assert str(error.value).startswith("study.yaml: ")
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  a: {layers: 3}\n", ["arms.a", "'layers'", "did you mean 'layer'?"]),
        ("  a: {layer: []}\n", ["arms.a", "empty list"]),
        ("  a: vanila\n", ["'vanila'", "vanilla"]),
        ("  a: vanilla\n  b: vanilla\n", ["a, b are the same"]),
        ("  a_layer1: {layer: 1}\n  a: {layer: [1, 2]}\n", ["two arms are called 'a_layer1'"]),
        ("  a: {layer: 1}\n  a: {layer: 2}\n", ["'a' occurs twice", "line 6"]),
        ("  a: {layer: 1\n", ["not valid YAML"]),
    ],
)
def test_a_mistake_in_an_arm_is_named(text, words):
    with pytest.raises(StudyError) as error:
        arms(text)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_value_of_a_layer_is_checked_by_its_own_rules():
    with pytest.raises(ConfigError, match=r"arms\.a: weights: 'wrong' is not allowed"):
        arms("  a: {weights: wrong}\n")


def test_the_lengths_are_those_of_the_trainers():
    from nnunet_llm4seg.trainer.variants import SHORT_TRAINERS, TRAINERS

    known = {lengths.llm4seg_trainer(n): n for n in lengths.SUFFIXED_EPOCHS}
    plain = re.compile(r"nnUNetTrainerLLM4Seg_\d+epochs?")
    assert {name: trainer.epochs for name, trainer in TRAINERS.items() if plain.fullmatch(name)} == known
    assert lengths.llm4seg_trainer(1000) in TRAINERS
    assert {lengths.llm4seg_trainer("smoke"), lengths.vanilla_trainer("smoke")} <= set(SHORT_TRAINERS)
    smoke = SHORT_TRAINERS[lengths.llm4seg_trainer("smoke")]
    assert smoke.epochs == lengths.planned_epochs("smoke")
