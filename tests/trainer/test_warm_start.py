"""Warm starts in one process; the whole way through nnU-Net's commands is in tests/integration."""

import copy
import json
import shutil
import sys

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_llm4seg import cli
from nnunet_llm4seg.errors import CheckpointError, ConfigError, DatasetError
from nnunet_llm4seg.trainer.variants import TRAINERS
from nnunet_llm4seg.trainer.warm_start import warm_start

GATED = "nnUNetTrainerLLM4SegGated"


@pytest.fixture
def project(llama_bf16, tmp_path, monkeypatch):
    """nnU-Net's folders with LLM4Seg plans named Q, and the trainers in nnU-Net's path."""
    from nnunet_llm4seg.nnunet.environment import with_trainers

    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("nnUNet_extTrainer", with_trainers(None))
    data = tmp_path / "nnUNet_preprocessed" / "Dataset001_X"
    (data / "P_2d").mkdir(parents=True)
    (data / "P_2d" / "case.b2nd").touch()
    (data / "Q.json").write_text(json.dumps(plans("Q", model=str(llama_bf16), layer=1)))
    (data / "List.json").write_text("[]")
    (data / "Wide.json").write_text(json.dumps(plans("Wide", 12, model=str(llama_bf16), layer=1)))
    return tmp_path


@pytest.fixture
def target(project, llama_bf16):
    """A function that makes a data set 2 of four classes with LLM4Seg plans Q, configuration `own`; 1 goes away."""

    def make(name="Dataset002_Y", **changes):
        shutil.rmtree(project / "nnUNet_preprocessed" / "Dataset001_X")
        data = project / "nnUNet_preprocessed" / "Dataset002_Y"
        (data / "P_2d").mkdir(parents=True)
        (data / "P_2d" / "case.b2nd").touch()
        chosen = plans("Q", model=str(llama_bf16), layer=1)
        chosen["configurations"] = {"own": chosen["configurations"]["2d"]}
        (data / "Q.json").write_text(json.dumps(chosen | {"dataset_name": name}))
        labels = {"background": 0, "x": 1, "y": 2, "z": 3}
        (data / "dataset.json").write_text(json.dumps(DATASET | {"labels": labels} | changes))
        return data

    return make


def made(cls, its_plans):
    trainer = cls(copy.deepcopy(its_plans), "2d", 0, DATASET, torch.device("cpu"))
    trainer.initialize()
    return trainer


@pytest.fixture
def vanilla(project):
    trainer = made(nnUNetTrainer, plans())
    trainer.inference_allowed_mirroring_axes = (0, 1)
    trainer.save_checkpoint(str(project / "vanilla.pth"))
    return trainer


def ours(project):
    return made(
        TRAINERS[GATED],
        json.loads((project / "nnUNet_preprocessed/Dataset001_X/Q.json").read_text()) | {"continue_training": True},
    )


def outputs(trainer):
    torch.manual_seed(0)
    with torch.no_grad():
        return trainer.network(torch.randn(2, 1, 16, 16))


def test_continuing_from_it_is_exactly_the_vanilla_network(project, vanilla):
    warm_start(project / "vanilla.pth", project / "checkpoint_latest.pth", plans="Q", trainer=GATED)
    trainer = ours(project)
    trainer.load_checkpoint(str(project / "checkpoint_latest.pth"))
    assert trainer.current_epoch == 0
    assert trainer.inference_allowed_mirroring_axes == (0, 1)
    assert trainer.bottleneck.loaded
    assert all(torch.equal(a, b) for a, b in zip(outputs(vanilla), outputs(trainer), strict=True))
    batch = {"data": torch.randn(2, 1, 16, 16), "target": [torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 8, 8)]}
    assert torch.isfinite(torch.as_tensor(trainer.train_step(batch)["loss"]))


def test_as_pretrained_weights_all_but_the_heads_are_the_vanilla_networks(project, vanilla):
    warm_start(project / "vanilla.pth", project / "warm.pth", plans="Q", trainer=GATED)
    trainer = ours(project)
    load_pretrained_weights(trainer.network, str(project / "warm.pth"))
    assert trainer.bottleneck.loaded
    state = trainer.network.state_dict()
    for name, tensor in vanilla.network.state_dict().items():
        fresh = ".seg_layers." in name and name.endswith("weight")  # biases always start at 0
        assert torch.equal(state[name], tensor) != fresh, name


def test_making_it_twice_gives_the_same_weights_and_leaves_no_results(project, vanilla):
    before = sorted((project / "nnUNet_results").rglob("*"))
    state = torch.random.get_rng_state()
    for name in ("one.pth", "two.pth"):
        warm_start(project / "vanilla.pth", project / name, plans="Q", trainer=GATED)
    one, two = (torch.load(project / n, weights_only=False)["network_weights"] for n in ("one.pth", "two.pth"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert sorted((project / "nnUNet_results").rglob("*")) == before
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"plans": "Wide"}, CheckpointError, "does not fit the plans 'Wide'"),
        ({"plans": "List"}, DatasetError, "holds no plans of nnU-Net's"),
        ({"plans": "None"}, DatasetError, "llm4seg plan Dataset001_X"),
        ({"trainer": "nnUNetTrainer"}, ConfigError, "is not an LLM4Seg trainer"),
        (
            {"trainer": "nnUNetTrainerNone"},
            ConfigError,
            "if it is your own, add its folder: .export nnUNet_extTrainer",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(project, vanilla, arguments, error, says):
    with pytest.raises(error, match=says):
        warm_start(project / "vanilla.pth", project / "warm.pth", **{"plans": "Q", "trainer": GATED, **arguments})
    assert not (project / "warm.pth").exists()


def test_a_checkpoint_with_a_layer_is_not_started_again(project, vanilla):
    warm_start(project / "vanilla.pth", project / "warm.pth", plans="Q", trainer=GATED)
    with pytest.raises(CheckpointError, match="contains an LLM layer already"):
        warm_start(project / "warm.pth", project / "again.pth", plans="Q", trainer=GATED)
    with pytest.raises(CheckpointError, match="already exists"):
        warm_start(project / "vanilla.pth", project / "warm.pth", plans="Q", trainer=GATED)


def test_another_data_set_starts_from_all_but_the_heads_that_differ(project, vanilla, target, monkeypatch, capsys):
    target()
    files = (str(project / "vanilla.pth"), "-o", str(project / "warm.pth"))
    monkeypatch.setattr(sys, "argv", ["llm4seg", "warm-start", *files, "-p", "Q", "-d", "2", "-c", "own"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "Segmentation heads from the checkpoint: 0 of 2." in printed
    assert (
        "Skipped 2, which have another shape there and start anew: decoder.seg_layers.0, decoder.seg_layers.1."
        in printed
    )
    written = torch.load(project / "warm.pth", weights_only=False)
    assert written["init_args"]["configuration"] == "own"
    assert written["init_args"]["plans"]["dataset_name"] == "Dataset002_Y"
    assert len(written["init_args"]["dataset_json"]["labels"]) == 4
    for name, tensor in vanilla.network.state_dict().items():
        if ".seg_layers." in name:
            assert written["network_weights"][name].shape[0] == 4
            assert name.endswith("bias") or written["network_weights"][name].abs().sum() > 0
        else:
            assert torch.equal(written["network_weights"][name], tensor), name


def test_another_data_set_with_as_many_classes_gets_the_heads_too(project, vanilla, target):
    target(labels=DATASET["labels"])
    started = warm_start(
        project / "vanilla.pth", project / "warm.pth", plans="Q", trainer=GATED, dataset="2", configuration="own"
    )
    assert (len(started.heads), started.fresh_heads) == (2, ())
    written = torch.load(project / "warm.pth", weights_only=False)["network_weights"]
    assert all(torch.equal(written[name], tensor) for name, tensor in vanilla.network.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "chosen", "error", "says"),
    [
        ({"channel_names": {"0": "CT", "1": "PET"}}, {"dataset": "2"}, CheckpointError, "does not fit the plans 'Q'"),
        ({}, {"dataset": "2", "configuration": None}, DatasetError, "'2d' has no architecture in these plans"),
        ({}, {}, DatasetError, "'Dataset001_X' matches 0 folders"),
        ({"name": "Dataset001_X"}, {"dataset": "2"}, DatasetError, "is for the data set 'Dataset001_X'; move"),
    ],
)
def test_another_data_set_must_fit_in_all_but_the_heads(project, vanilla, target, changes, chosen, error, says):
    target(**changes)
    with pytest.raises(error, match=says):
        warm_start(
            project / "vanilla.pth", project / "w.pth", plans="Q", trainer=GATED, **({"configuration": "own"} | chosen)
        )
    assert not (project / "w.pth").exists()
