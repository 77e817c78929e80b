"""The paper's networks in nnU-Net's trainers, in one process, without data on disk."""

import json

import pytest
import torch
from hand_made_plans import DATASET, plans
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_llm4seg.nnunet.environment import trainers_folder
from nnunet_llm4seg.trainer import variants
from nnunet_llm4seg.trainer.warm_start import warm_start

PATCH = (32, 32)
STRIDES = [[1, 1]] + [[2, 2]] * 4
NETWORKS = {
    "UNet": {"features_per_stage": [4, 4, 6, 6, 8]},
    "CMUNeXt": {"features_per_stage": [4, 4, 6, 6, 8]},
    "MedNeXt": {"features": 4, "n_blocks_per_stage": [1] * 9},
}
ARMS = {
    "nnUNetTrainer": 4,
    "nnUNetTrainerVanillaAdamW1en4NoDeepSupervision": 0,
    "nnUNetTrainerLLM4Seg": 4,
    "nnUNetTrainerLLM4SegGatedAdamW": 4,
    "nnUNetTrainerLLM4SegNoDeepSupervision": 0,
}


@pytest.fixture
def train(folders, monkeypatch, llama):
    monkeypatch.setenv("nnUNet_compile", "f")
    monkeypatch.setenv("nnUNet_extTrainer", str(trainers_folder()))

    def train(name: str, network: str) -> nnUNetTrainer:
        made = plans("Q", **({"model": str(llama), "layer": 1} if "LLM4Seg" in name else {}))
        configuration = made["configurations"]["2d"]
        configuration["patch_size"] = list(PATCH)
        configuration["architecture"].update(
            network_class_name=f"nnunet_llm4seg.backbones.{network}",
            arch_kwargs={"n_stages": 5, "strides": STRIDES, **NETWORKS[network]},
            _kw_requires_import=[],
        )
        written = folders / "nnUNet_preprocessed" / "Dataset001_X" / "Q.json"
        written.write_text(json.dumps(made))  # for `llm4seg warm-start`
        trainer = getattr(variants, name)(made, "2d", 0, DATASET, torch.device("cpu"))
        trainer.initialize()
        if "LLM4Seg" in name:
            trainer._load_layer()
        return trainer

    return train


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("name", "scales"), ARMS.items())
def test_a_step_trains_and_its_checkpoint_is_what_prediction_loads(train, tmp_path, network, name, scales):
    trainer = train(name, network)
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    target = [torch.zeros(2, 1, *(edge // 2**scale for edge in PATCH)) for scale in range(4)]
    batch = {"data": torch.randn(2, 1, *PATCH), "target": target if scales else target[0]}
    before = {key: tensor.clone() for key, tensor in trainer.network.named_parameters()}
    loss = trainer.train_step(batch)["loss"]
    assert loss == loss
    moved = {key for key, tensor in trainer.network.named_parameters() if not torch.equal(tensor, before[key])}
    assert any(key.startswith("encoder.") for key in moved)
    assert not any(key.startswith("bottleneck.layer.") for key in moved)

    trainer.save_checkpoint(str(tmp_path / "checkpoint.pth"))
    weights = torch.load(tmp_path / "checkpoint.pth", weights_only=False)["network_weights"]
    manager = PlansManager(trainer.plans_manager.plans)
    network = trainer.build_network_architecture(manager, manager.get_configuration("2d"), 1, 2, False)
    assert not any(network.load_state_dict(weights, strict=True))
    with torch.no_grad():
        assert network.eval()(torch.randn(1, 1, *PATCH)).shape == (1, 2, *PATCH)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_warm_start_is_exactly_the_vanilla_network_with_another_supervision_too(train, tmp_path, network):
    vanilla = train("nnUNetTrainerVanillaAdamW1en4NoDeepSupervision", network)
    vanilla.save_checkpoint(str(tmp_path / "vanilla.pth"))
    gated = train("nnUNetTrainerLLM4SegGatedAdamW", network)
    warm_start(tmp_path / "vanilla.pth", tmp_path / "warm.pth", plans="Q", trainer="nnUNetTrainerLLM4SegGatedAdamW")
    gated.load_checkpoint(str(tmp_path / "warm.pth"))
    for trainer in (vanilla, gated):
        trainer.set_deep_supervision_enabled(False)
        trainer.network.eval()
    image = torch.randn(1, 1, *PATCH)
    with torch.no_grad():
        assert torch.equal(gated.network(image), vanilla.network(image))
