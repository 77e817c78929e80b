import json

import pytest
import torch
from data_sets import planned_2d, planned_3d
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from tiny_models import save_model

from nnunet_llm4seg.llm.source import prepare_known
from nnunet_llm4seg.plans.protocol import write_pair
from nnunet_llm4seg.trainer.base import nnUNetTrainerLLM4Seg
from nnunet_llm4seg.trainer.settings import resolve, write_into


@pytest.mark.parametrize(
    ("make", "configuration", "token_grid"),
    [
        (planned_2d, "2d", 16),
        pytest.param(planned_3d, "3d_fullres", None, marks=pytest.mark.integration),
    ],
)
def test_both_arms_build_from_the_plans_and_run_one_patch(project, make, configuration, token_grid):
    fields = {"model": str(save_model(project / "llm")), "layer": 1}
    pair = write_pair(
        make(project), [configuration], fields, protocol="paper", source="nnUNetPlans", token_grid=token_grid
    )
    plans = json.loads(pair.candidate.path.read_text())
    settings = resolve(plans, configuration, "nnUNetTrainerLLM4Seg", {}, project / "no results yet")
    write_into(plans, configuration, settings)
    vanilla, injected = (
        _build(trainer, content, configuration)
        for trainer, content in (
            (nnUNetTrainer, json.loads(pair.baseline.read_text())),
            (nnUNetTrainerLLM4Seg, plans),
        )
    )
    injected.bottleneck.load_layer(prepare_known(settings.config, settings.spec))
    ours = {k: v.shape for k, v in injected.state_dict().items() if not k.startswith("bottleneck.")}
    assert ours == {k: v.shape for k, v in vanilla.state_dict().items()}
    patch = plans["configurations"][configuration]["patch_size"]
    seen = []
    injected.bottleneck.register_forward_pre_hook(lambda _, inputs: seen.append(list(inputs[0].shape[2:])))
    with torch.no_grad():
        assert injected(torch.randn(1, 1, *patch)).shape == (1, 2, *patch)
    assert seen == [plans["llm4seg_protocol"]["token_grid"]]


def _build(trainer, plans, configuration):
    manager = PlansManager(plans)
    return trainer.build_network_architecture(manager, manager.get_configuration(configuration), 1, 2, False)
