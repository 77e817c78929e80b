import json
import shutil
import sys

import pytest
from data_sets import planned_2d, planned_3d

from nnunet_llm4seg import cli
from nnunet_llm4seg.errors import ConfigError
from nnunet_llm4seg.nnunet.plans import PROTOCOL, SOURCE_PLANS
from nnunet_llm4seg.plans.backbones import BACKBONES, nearest_patch, parse_patch, with_backbone, write_backbone_pair
from nnunet_llm4seg.plans.network import planned_network, stage_channels
from nnunet_llm4seg.trainer.recipes import RECIPES


def planned(make, project):
    """A planned data set with the files that nnU-Net's planner leaves beside the plans."""
    folder = make(project)
    shutil.copy(project / "nnUNet_raw" / folder.name / "dataset.json", folder / "dataset.json")
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    if "3d_fullres" in plans["configurations"]:
        plans["configurations"]["3d_fullres"].update(
            patch_size=[40, 56, 40], batch_size=2, data_identifier="nnUNetPlans_3d_fullres", architecture={}
        )
        (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    return folder


def pair_of(folder, configuration="2d", backbone="cmunext", **options):
    pair = write_backbone_pair(
        folder, [configuration], {"layer": 3}, backbone=backbone, source="nnUNetPlans", **options
    )
    return json.loads(pair.baseline.read_text()), json.loads(pair.candidate.path.read_text()), pair


@pytest.mark.parametrize("protocol", [None, "paper"])
def test_the_pair_differs_in_the_layer_only_and_shares_data_patch_and_batch(project, protocol):
    folder = planned(planned_2d, project)
    source = json.loads((folder / "nnUNetPlans.json").read_text())["configurations"]["2d"]
    baseline, candidate, pair = pair_of(folder, protocol=protocol)
    name = "nnUNetPlans_paper_cmunext" if protocol else "nnUNetPlans_cmunext"
    assert candidate.pop(SOURCE_PLANS) == baseline["plans_name"] == name == pair.baseline.stem
    assert candidate.pop("plans_name") == f"{name}_LLM4Seg" == pair.candidate.path.stem
    assert candidate["configurations"]["2d"]["architecture"].pop("llm4seg") == {"layer": 3}
    assert candidate == {key: value for key, value in baseline.items() if key != "plans_name"}
    entry = baseline["configurations"]["2d"]
    assert entry["data_identifier"] == source["data_identifier"]
    assert (entry["patch_size"], entry["batch_size"]) == ([256, 256], 8 if protocol else source["batch_size"])
    if protocol:
        assert baseline[PROTOCOL] == {"name": "paper", "token_grid": [16, 16], "backbone": "cmunext"}
    assert pair.preprocess == f"nnUNetv2_preprocess -d 1 -plans_name {name} -c 2d"


@pytest.mark.parametrize("name", BACKBONES)
def test_nnunet_builds_what_the_plans_name(name):
    backbone = BACKBONES[name]
    assert backbone.recipe in RECIPES
    for dims in backbone.spatial_dims:
        source = {"plans_name": "P", "configurations": {"c": {"patch_size": [64] * dims, "architecture": {}}}}
        plans = with_backbone(source, ["c"], name)
        architecture = plans["configurations"]["c"]["architecture"]
        network = planned_network(json.loads(json.dumps(architecture)), 1, 2)
        assert len(network.encoder.strides[0]) == dims
        assert network.encoder.strides == architecture["arch_kwargs"]["strides"]
        assert network.encoder.output_channels == stage_channels(architecture)


def test_the_names_of_the_sizes_are_the_published_sizes():
    published = {"cmunext-s": 0.418, "cmunext": 3.149, "cmunext-l": 8.29, "unet": 34.527, "mednext-s": 5.551}
    published |= {"mednext-b": 10.527, "mednext-m": 17.549, "mednext-l-k5": 62.993, "uxnet": 53.006}
    for name, millions in published.items():
        dims = BACKBONES[name].spatial_dims[-1]
        source = {"plans_name": "P", "configurations": {"c": {"patch_size": [64] * dims, "architecture": {}}}}
        architecture = with_backbone(source, ["c"], name)["configurations"]["c"]["architecture"]
        channels, classes = (3, 1) if dims == 2 else (1, 13 if name == "uxnet" else 14)
        parameters = sum(p.numel() for p in planned_network(architecture, channels, classes).parameters())
        assert parameters / 1e6 == pytest.approx(millions, abs=5e-3 if name == "cmunext-l" else 1e-3), name


def test_a_patch_that_the_network_cannot_take_is_refused_with_the_nearest_that_works(project):
    folder = planned(planned_3d, project)
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match=r"mednext-s cannot take the patch 40x56x40.*`--patch-size 48x64x48`"):
        pair_of(folder, "3d_fullres", "mednext-s")
    assert sorted(folder.iterdir()) == before
    baseline, candidate, _ = pair_of(folder, "3d_fullres", "mednext-s", patch_size=[48, 64, 48])
    for plans in (baseline, candidate):
        assert plans["configurations"]["3d_fullres"]["patch_size"] == [48, 64, 48]


def test_the_nearest_patch_leaves_more_than_one_token():
    assert nearest_patch([40, 56, 41]) == [48, 64, 48]
    assert nearest_patch([250, 7]) == [256, 16]
    assert nearest_patch([16, 20, 3]) == [16, 16, 32]
    assert parse_patch("48x64X48") == [48, 64, 48]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet"}, "backbone: 'resnet' is not allowed; choose one of unet, cmunext"),
        ({"backbone": "nnunet", "patch_size": [64, 64]}, "'nnunet' is not allowed with --patch-size"),
        ({"backbone": "uxnet"}, "'uxnet' is not for 2D patches, which '2d' has; choose one of unet, .*mednext-s"),
        ({"token_grid": 16}, "token-grid: 16 is not allowed with --backbone cmunext, whose grid is 1/16"),
        ({"patch_size": [64, 64, 64]}, "64x64x64 is not allowed, '2d' has 2 axes"),
        ({"protocol": "paper", "patch_size": [64, 64]}, "not allowed with --protocol"),
        ({"protocol": "ours"}, "protocol: 'ours' is not allowed"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(project, options, message):
    folder = planned(planned_2d, project)
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match=message):
        pair_of(folder, **options)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("text", ["48x", "axb", "48x-2", "", "0x16"])
def test_a_patch_that_is_no_patch_is_refused(text):
    with pytest.raises(ConfigError, match="is not allowed; give sizes"):
        parse_patch(text)


def test_the_command_tells_parameters_tokens_memory_and_how_to_train_both(project, llama, monkeypatch, capsys):
    folder = planned(planned_3d, project)
    words = ["plan", "2", "-c", "3d_fullres", "--backbone", "mednext-s", "--patch-size", "48x64x48"]
    monkeypatch.setattr(sys, "argv", ["llm4seg", *words, "--model", str(llama), "--layer", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert any(line.startswith("3d_fullres: MedNeXt of 5,55") and "for 1 in and 14 out" in line for line in lines)
    assert "3d_fullres: patch 48x64x48, batch 2, token grid 3x4x3 = 36 tokens" in lines
    assert any("the LLM's share: layer" in line and "trained" in line for line in lines)
    assert any("AdamW, learning rate 1e-3, eps 1e-4" in line for line in lines)
    name = folder.name
    assert f"llm4seg train {name} 3d_fullres 0 -p nnUNetPlans_mednext-s -tr nnUNetTrainerVanillaAdamW" in lines
    assert f"llm4seg train {name} 3d_fullres 0 -p nnUNetPlans_mednext-s_LLM4Seg -tr nnUNetTrainerLLM4SegAdamW" in lines
