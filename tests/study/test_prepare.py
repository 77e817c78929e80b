"""What is made before the first training: plans of every arm, splits, preprocessed data."""

import json
import shutil
from multiprocessing.pool import ThreadPool

import pytest
from data_sets import planned_2d
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
    plans = json.loads((folder / f"{base}_s_frozen.json").read_text())
    assert plans[PROTOCOL]["token_grid"] == [16, 16] and plans[SOURCE_PLANS] == base
    assert plans["configurations"]["2d"]["architecture"]["llm4seg"] == {"model": "llama", "layer": 1}


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
