import json
import shlex

from nnunet_llm4seg.evaluation.arms.commands import training_commands
from nnunet_llm4seg.evaluation.arms.runs import Arm, Run


def test_the_plan_command_gives_every_setting_of_the_plans_to_llm4seg_plan(tmp_path):
    asked = {"model": "a folder/llm", "layer": 3, "embed_weights": False, "trainable": True, "revision": None}
    plans = {
        "plans_name": "Mine",
        "llm4seg_source_plans": "nnUNetPlans",
        "configurations": {"2d": {"architecture": {"llm4seg": asked}}},
    }
    (tmp_path / "plans.json").write_text(json.dumps(plans))
    first, *rest = training_commands(
        [Arm("nnUNetTrainerLLM4Seg", "Mine", (Run(tmp_path),))], "Dataset001_X", "2d", [0, 2]
    )
    words = shlex.split(first)
    assert words[:9] == ["llm4seg", "plan", "Dataset001_X", "-c", "2d", "-p", "nnUNetPlans", "-o", "Mine"]
    assert words[9:] == ["--model", "a folder/llm", "--layer", "3", "--no-embed-weights", "--trainable"]
    assert rest == [f"llm4seg train Dataset001_X 2d {fold} -tr nnUNetTrainerLLM4Seg -p Mine" for fold in (0, 2)]


def test_trainers_of_this_package_are_started_with_llm4seg_train_without_the_layer_too(tmp_path):
    (tmp_path / "plans.json").write_text(json.dumps({"plans_name": "P", "configurations": {"2d": {}}}))
    lines = [
        training_commands([Arm(trainer, "P", (Run(tmp_path),))], "Dataset001_X", "2d", [0])[0]
        for trainer in ("nnUNetTrainerVanillaAdamW", "nnUNetTrainer")
    ]
    assert [line.split(" Dataset")[0] for line in lines] == ["llm4seg train", "nnUNetv2_train"]
