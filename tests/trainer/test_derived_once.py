"""What a first training does once: parse the model's configuration, read its layer, hash it and build it."""

import cProfile
import json
import pstats
from pathlib import Path

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg import LLM4SegConfig, LLMBottleneck
from nnunet_llm4seg.trainer.variants import TRAINERS

ONCE = ["describe_layer", "family_of", "build_layer", "read_layer", "read_tensors", "local_entries", "layer_sha256"]


def calls(profile: cProfile.Profile) -> dict[str, int]:
    """How often each of our functions was called, by name."""
    counts: dict[str, int] = {}
    for (file, _, name), (_, number, *_) in pstats.Stats(profile).stats.items():
        if "nnunet_llm4seg" in Path(file).parts:
            counts[name] = counts.get(name, 0) + number
    return counts


@pytest.fixture
def first_training(llama, folders, monkeypatch):
    """A trainer just before its first epoch, with the profile of the calls up to there."""
    monkeypatch.setattr(nnUNetTrainer, "on_train_start", lambda self: None)
    with cProfile.Profile() as profile:
        made = TRAINERS["nnUNetTrainerLLM4Seg"](
            plans(model=str(llama), layer=1), "2d", 0, DATASET, torch.device("cpu")
        )
        made.initialize()
        made.on_train_start()
    return made, calls(profile)


def test_a_bottleneck_parses_reads_hashes_and_builds_once(llama):
    with cProfile.Profile() as profile:
        LLMBottleneck(8, LLM4SegConfig(model=str(llama), layer=1))
    counts = calls(profile)
    assert {name: counts.get(name, 0) for name in ONCE} == dict.fromkeys(ONCE, 1)


def test_a_first_training_parses_reads_hashes_and_builds_once(first_training):
    _, counts = first_training
    assert {name: counts.get(name, 0) for name in ONCE} == dict.fromkeys(ONCE, 1)


def test_the_tensors_are_released_and_never_written(first_training):
    made, _ = first_training
    assert made.bottleneck.loaded
    assert not made.settings.prepared.tensors
    made._save_debug_information()
    debug = json.loads((Path(made.output_folder) / "debug.json").read_text())
    assert "tensor(" not in debug["settings"] and "PreparedLayer" not in debug["settings"]
    assert not any("prepared" in key for key in made.settings.to_dict())


def test_the_forward_signature_is_looked_at_when_building_only(llama):
    block = LLMBottleneck(8, LLM4SegConfig(model=str(llama), layer=1))
    features = torch.randn(1, 8, 2, 2)
    block(features)
    with cProfile.Profile() as profile:
        block(features)
    names = {name for _, _, name in pstats.Stats(profile).stats}
    assert "signature" not in names and "forward" in names
