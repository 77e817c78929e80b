"""What is made before the first training: plans of every arm, splits, preprocessed data."""

import json
import shutil
import time
from dataclasses import replace
from multiprocessing.pool import ThreadPool

import pytest
from data_sets import planned_2d
from hand_made_plans import plans
from PIL import Image
from tiny_models import save_model

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.nnunet.plans import PROTOCOL, SOURCE_PLANS
from nnunet_llm4seg.study.folder import open_study, settle
from nnunet_llm4seg.study.prepare import missing, prepare
from nnunet_llm4seg.study.trainings import list_trainings

TEXT = """
study: s
datasets: [1]
configuration: 2d
plans: {protocol: paper, token_grid: 16}
arms:
  vanilla: vanilla
  frozen: {model: llama, layer: 1}
"""
CASES = 5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A planned and preprocessed data set without splits."""
    monkeypatch.setattr("nnunetv2.utilities.utils.Pool", ThreadPool)  # as in tests/plans
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = planned_2d(tmp_path)
    raw = tmp_path / "nnUNet_raw" / folder.name / "dataset.json"
    raw.write_text(json.dumps({**json.loads(raw.read_text()), "numTraining": CASES}))
    shutil.copy(raw, folder)
    data = folder / "nnUNetPlans_2d"
    data.mkdir()
    for case in range(CASES):
        for ending in (".pkl", ".b2nd", "_seg.b2nd"):
            (data / f"case{case}{ending}").write_text("x")
    save_model(tmp_path / "llama")
    return folder


def study_of(tmp_path, text=TEXT):
    (tmp_path / "s.yaml").write_text(text)
    study = open_study(tmp_path / "s.yaml")
    settle(study)
    return study


def test_the_papers_protocol_is_planned_for_every_arm_and_prepared_once(folder, tmp_path):
    study = study_of(tmp_path)
    base = "nnUNetPlans_paper_grid16"
    assert missing(study) == [
        f"preprocess {folder.name} 2d",  # the protocol's plans, which name the data, are not there yet
        f"write plans {base} of {folder.name}",
        f"write plans {base}_s_frozen of {folder.name}",
        f"keep the splits of {folder.name}",
    ]
    said = []
    prepare(study, said.append)
    assert missing(study) == []
    assert said == ["layer of frozen: llama, pretrained, layer 1"]  # the data were there already
    written = json.loads((folder / f"{base}_s_frozen.json").read_text())
    assert written[PROTOCOL]["token_grid"] == [16, 16] and written[SOURCE_PLANS] == base
    assert written["configurations"]["2d"]["architecture"]["llm4seg"] == {"model": "llama", "layer": 1}


def test_a_smaller_network_is_planned_for_every_arm_on_the_same_data(folder, tmp_path):
    (folder / "nnUNetPlans.json").write_text(json.dumps({**plans("nnUNetPlans"), "dataset_name": folder.name}))
    (folder / "nnUNetPlans_2d").rename(folder / "P_2d")
    study = study_of(
        tmp_path, TEXT.replace("{protocol: paper, token_grid: 16}", "{features: [2, 4], convolutions: 1}")
    )
    prepare(study, lambda line: None)
    assert missing(study) == []
    base = "nnUNetPlans_features2to4_convolutions1"
    for name in (base, f"{base}_s_frozen"):
        entry = json.loads((folder / f"{name}.json").read_text())["configurations"]["2d"]
        network = entry["architecture"]["arch_kwargs"]
        assert network["features_per_stage"] == [2, 4, 4]
        assert (network["n_conv_per_stage"], network["n_conv_per_stage_decoder"]) == ([1, 1, 1], [1, 1])
        assert entry["data_identifier"] == "P_2d"
    assert {training.plans for training in list_trainings(study)} == {base, f"{base}_s_frozen"}


def test_a_network_without_convolutions_per_stage_is_not_made_smaller(folder, tmp_path):
    content = {**plans("nnUNetPlans"), "dataset_name": folder.name}
    del content["configurations"]["2d"]["architecture"]["arch_kwargs"]["n_conv_per_stage"]
    (folder / "nnUNetPlans.json").write_text(json.dumps(content))
    (folder / "nnUNetPlans_2d").rename(folder / "P_2d")
    study = study_of(tmp_path, TEXT.replace("{protocol: paper, token_grid: 16}", "{convolutions: 1}"))
    with pytest.raises(DatasetError, match="has no list n_conv_per_stage, so it cannot be made smaller"):
        prepare(study, lambda line: None)


def test_the_splits_are_those_that_nnunet_makes_and_are_kept(folder, tmp_path):
    study = study_of(tmp_path)
    prepare(study, lambda line: None)
    splits = json.loads((folder / "splits_final.json").read_text())
    assert sorted(case for split in splits for case in split["val"]) == [f"case{i}" for i in range(CASES)]
    trainings = list_trainings(study)
    assert [training.cases for training in trainings[:5]] == [tuple(split["val"]) for split in splits]
    (folder / "splits_final.json").write_text(json.dumps(splits[::-1]))
    with pytest.raises(StudyError, match="have changed since the study began"):
        missing(study)


def test_a_configuration_that_is_not_planned_is_named(folder, tmp_path):
    study = study_of(
        tmp_path, TEXT.replace("{protocol: paper, token_grid: 16}", "nnUNetPlans").replace("2d", "3d_lowres")
    )
    with pytest.raises(DatasetError, match="nnUNetPlans of Dataset001_Example2D has no '3d_lowres'"):
        prepare(study, lambda line: None)


def test_plans_that_nnunet_cannot_make_by_name_are_refused(folder, tmp_path):
    study = study_of(tmp_path, TEXT.replace("{protocol: paper, token_grid: 16}", "MyPlans"))
    with pytest.raises(DatasetError, match="there are no MyPlans of Dataset001_Example2D; plan it with"):
        prepare(study, lambda line: None)


def test_the_papers_other_networks_are_planned_with_their_own_trainers(folder, tmp_path):
    study = study_of(tmp_path, TEXT.replace("token_grid: 16", "backbone: cmunext") + "epochs: 50\n")
    prepare(study, lambda line: None)
    assert missing(study) == []
    trainings = list_trainings(study)
    names = {(training.trainer, training.plans) for training in trainings}
    assert names == {
        ("nnUNetTrainerVanillaNoDeepSupervision_50epochs", "nnUNetPlans_paper_cmunext"),
        ("nnUNetTrainerLLM4SegNoDeepSupervision_50epochs", "nnUNetPlans_paper_cmunext_s_frozen"),
    }


def test_a_data_set_that_is_made_from_another_is_made_before_it_is_planned(tmp_path, monkeypatch):
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    raw = tmp_path / "nnUNet_raw" / "Dataset001_X"
    for part, ending in (("imagesTr", "_0000.png"), ("labelsTr", ".png")):
        (raw / part).mkdir(parents=True)
        for case in range(10):
            Image.new("L", (8, 8), 1).save(raw / part / f"case{case}{ending}")
    dataset = {"channel_names": {"0": "zscore"}, "labels": {"background": 0, "disc": 1}, "file_ending": ".png"}
    (raw / "dataset.json").write_text(json.dumps({**dataset, "numTraining": 10}))
    text = TEXT.replace("{protocol: paper, token_grid: 16}", "nnUNetPlans").replace("[1]", "[1, 2]")
    study = study_of(tmp_path, text + "degrade: {2: {dataset: 1, train_fraction: 0.5}}\n")
    names = [training.data.name for training in list_trainings(study)]
    assert sorted(set(names)) == ["Dataset001_X", "Dataset002_X_train50"]
    assert "make Dataset002_X_train50 from Dataset001_X" in missing(study)

    asked = []
    monkeypatch.setattr("nnunet_llm4seg.study.prepare._nnunet", lambda study, words, *_: asked.append(words))
    with pytest.raises(DatasetError):  # nothing is planned, in this test
        prepare(replace(study, datasets=("2",)), lambda line: None)
    made = tmp_path / "nnUNet_raw" / "Dataset002_X_train50"
    assert asked[0][:3] == ["nnUNetv2_plan_and_preprocess", "-d", "2"]
    assert [len(fold["train"]) for fold in json.loads((made / "splits_final.json").read_text())] == [4] * 5
    assert not [line for line in missing(study) if line.startswith("make ")]
    (made / "degraded.json").write_text("{}")
    with pytest.raises(DatasetError, match="Dataset002_X_train50 is there, and was not made by this degrade"):
        missing(study)


def test_processes_that_prepare_at_once_preprocess_once(folder, tmp_path, monkeypatch):
    (folder / "nnUNetPlans.json").write_text(json.dumps({**plans("nnUNetPlans"), "dataset_name": folder.name}))
    case = (folder / "nnUNetPlans_2d").rename(folder / "P_2d") / "case0.pkl"
    case.unlink()
    study = study_of(tmp_path, TEXT.replace("{protocol: paper, token_grid: 16}", "nnUNetPlans"))
    monkeypatch.setattr("nnunet_llm4seg.study.prepare._get_layers", lambda *_: None)
    made = []

    def preprocess(study, words, *_):
        made.append(words[0])
        time.sleep(0.3)
        case.write_text("x")

    monkeypatch.setattr("nnunet_llm4seg.study.prepare._nnunet", preprocess)
    with ThreadPool(3) as pool:
        pool.map(lambda _: prepare(study, lambda line: None), range(3))
    assert made == ["nnUNetv2_preprocess"] and missing(study) == []


@pytest.mark.parametrize(
    ("backbone", "epochs", "words"),
    [("cmunex", "50", "did you mean 'cmunext'"), ("cmunext", "5", "not allowed with a backbone; choose 50, 100, 250")],
)
def test_a_backbone_that_cannot_be_trained_is_named(folder, tmp_path, backbone, epochs, words):
    study = study_of(tmp_path, TEXT.replace("token_grid: 16", f"backbone: {backbone}") + f"epochs: {epochs}\n")
    with pytest.raises(StudyError, match=words):
        list_trainings(study)


def test_every_recipe_has_its_trainers():
    from nnunet_llm4seg.nnunet.lengths import RECIPE_EPOCHS, recipe_trainer
    from nnunet_llm4seg.plans.backbones import BACKBONES
    from nnunet_llm4seg.trainer.variants import RECIPE_TRAINERS

    recipes = {backbone.recipe for backbone in BACKBONES.values()}
    for recipe in recipes:
        for epochs in RECIPE_EPOCHS:
            assert {recipe_trainer(recipe, epochs, layer) for layer in (True, False)} <= set(RECIPE_TRAINERS)
