"""What `llm4seg plan` says about nnU-Net's cascade, on plans made by hand."""

import json
import sys

import pytest
from hand_made_plans import plans

from nnunet_llm4seg import cli
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.plans.backbones import with_backbone
from nnunet_llm4seg.plans.make import make_plans

FIRST, SECOND = "3d_lowres", "3d_cascade_fullres"
FOLDS = "for fold in 0 1 2 3 4; do"
OURS = "nnUNetTrainerLLM4Seg"


def cascade():
    """nnU-Net's three configurations as its planner links them."""
    made = plans("nnUNetPlans")
    entry = made["configurations"].pop("2d")
    made["configurations"] = {
        "3d_fullres": entry,
        FIRST: {**entry, "next_stage": SECOND},
        SECOND: {"inherits_from": "3d_fullres", "previous_stage": FIRST},
    }
    return made


@pytest.fixture
def plan(project, llama, monkeypatch, capsys):
    """A function that runs `llm4seg plan` and returns the lines that it printed."""
    folder = project / "nnUNet_preprocessed" / "Dataset001_X"
    (folder / "P_2d").mkdir(parents=True)
    (folder / "P_2d" / "case.b2nd").touch()
    (folder / "nnUNetPlans.json").write_text(json.dumps(cascade()))

    def run(*words):
        words = ("plan", "1", *words, "--model", str(llama), "--layer", "1")
        monkeypatch.setattr(sys, "argv", ["llm4seg", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_second_stage_alone_says_how_to_plan_both_or_link_another_first_stage(plan, llama):
    lines = plan("-c", SECOND)
    assert f"{SECOND} is the second stage of a cascade; its first stage is {FIRST}." in lines
    assert any(f"{FIRST} asks for no LLM layer in these plans, so {OURS} cannot train it" in line for line in lines)
    both = f"llm4seg plan Dataset001_X -c {FIRST} -c {SECOND} -p nnUNetPlans -o nnUNetPlans_LLM4Seg_cascade"
    assert f"{both} --model {llama} --layer 1" in lines
    results = "$nnUNet_results/Dataset001_X"
    ours = f"{results}/{OURS}__nnUNetPlans_LLM4Seg__{FIRST}/predicted_next_stage"
    assert f'mkdir -p "{ours}"' in lines
    assert f'ln -s "{results}/nnUNetTrainer__nnUNetPlans__{FIRST}/predicted_next_stage/{SECOND}" "{ours}/"' in lines
    trained = [line for line in lines if line.startswith(FOLDS)]
    assert trained == [
        f"{FOLDS} nnUNetv2_train Dataset001_X {FIRST} $fold -p nnUNetPlans; done",
        f"{FOLDS} nnUNetv2_train Dataset001_X {SECOND} $fold -p nnUNetPlans; done",
        f"{FOLDS} llm4seg train Dataset001_X {SECOND} $fold -p nnUNetPlans_LLM4Seg -tr {OURS}; done",
    ]
    assert plan(*both.split()[3:])  # the printed command works, under its own name


def test_both_stages_are_trained_in_all_folds_the_first_stage_first(plan):
    lines = plan("-c", SECOND, "-c", FIRST)
    trained = [line.split()[12] for line in lines if line.startswith(FOLDS) and "llm4seg train" in line]
    assert trained == [FIRST, SECOND]
    assert f"{FIRST} has the LLM layer too: train it in all folds first, as above; that writes them." in lines
    assert not any("llm4seg plan" in line for line in lines)


def test_other_configurations_hear_nothing_of_a_cascade(plan):
    lines = plan("-c", "3d_fullres")
    assert not any("cascade" in line or FOLDS in line for line in lines)
    assert lines[-1] == f"llm4seg train Dataset001_X 3d_fullres 0 -p nnUNetPlans_LLM4Seg -tr {OURS}"


def test_the_printed_folder_is_the_one_that_nnunet_reads(project, plan):
    """nnU-Net's own trainer names it."""
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    plan("-c", SECOND)
    made = json.loads((project / "nnUNet_preprocessed/Dataset001_X/nnUNetPlans_LLM4Seg.json").read_text())
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "x": 1}, "file_ending": ".png"}
    named = nnUNetTrainer(made, SECOND, 0, dataset).folder_with_segs_from_previous_stage
    assert named.endswith(f"nnUNetTrainer__nnUNetPlans_LLM4Seg__{FIRST}/predicted_next_stage/{SECOND}")


def test_a_published_network_is_for_both_stages():
    with pytest.raises(ConfigError, match=f"name its first too.*`-c {FIRST} -c {SECOND}`"):
        with_backbone(cascade(), [SECOND], "cmunext")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda entries: entries.pop(FIRST), f"these plans have no configuration '{FIRST}'"),
        (lambda entries: entries[FIRST].pop("next_stage"), "is None, so nnU-Net would write no predictions for it"),
    ],
)
def test_a_broken_cascade_is_refused(change, says):
    source = cascade()
    change(source["configurations"])
    with pytest.raises(DatasetError, match=says):
        make_plans(source, [SECOND], {"layer": 1}, "New")
