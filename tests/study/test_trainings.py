"""Which trainings a study has, in which order, and which folders of nnU-Net's are theirs."""

import json
from pathlib import Path

import pytest

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.study import trainings
from nnunet_llm4seg.study.file import parse_study

TEXT = """
study: s
datasets: [1]
configuration: 2d
runs: 2
epochs: 5
folds: [0, 1]
plans: {protocol: paper, token_grid: 16}
arms: {vanilla: vanilla, frozen: {layer: 1}}
"""


@pytest.fixture
def planned(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "nnUNet_preprocessed" / "Dataset001_X"
    folder.mkdir(parents=True)
    splits = [{"train": ["b", "c"], "val": ["a"]}, {"train": ["a", "c"], "val": ["b"]}]
    (folder / "splits_final.json").write_text(json.dumps(splits))
    dataset = {"labels": {}, "channel_names": {}, "file_ending": ".png"}
    (folder / "dataset.json").write_text(json.dumps(dataset))
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    return folder


def listed(tmp_path, text=TEXT):
    return trainings.list_trainings(parse_study(text, tmp_path, "s.yaml"))


def test_every_arm_and_fold_of_run_1_comes_before_run_2(planned, tmp_path):
    assert [training.key for training in listed(tmp_path)] == [
        f"run_{run}/Dataset001_X/{arm}/fold_{fold}"
        for run in (1, 2)
        for arm in ("vanilla", "frozen")
        for fold in (0, 1)
    ]


def test_results_have_nnunets_own_layout(planned, tmp_path):
    first, *_, last = listed(tmp_path)
    base = "nnUNetPlans_paper_grid16"
    assert first.fold_folder == tmp_path / f"s/results/run_1/Dataset001_X/nnUNetTrainer_5epochs__{base}__2d/fold_0"
    assert last.fold_folder.parent.name == f"nnUNetTrainerLLM4Seg_5epochs__{base}_s_frozen__2d"
    assert first.cases == ("a",) and first.data.ending == ".png"


def test_folds_are_those_of_the_splits(planned, tmp_path):
    every = listed(tmp_path, TEXT.replace("folds: [0, 1]", "folds: all"))
    assert {training.fold for training in every} == {0, 1}
    with pytest.raises(StudyError, match="Dataset001_X has no fold 7; its folds are 0 to 1"):
        listed(tmp_path, TEXT.replace("[0, 1]", "[7]"))


def test_a_data_set_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    with pytest.raises(DatasetError, match="'1' matches 0 folders in nnUNet_raw"):
        listed(tmp_path)


def test_a_choice_of_trainings_is_checked(planned, tmp_path):
    every = listed(tmp_path)
    assert [t.key for t in trainings.select(every, ["frozen"], [1], [2])] == ["run_2/Dataset001_X/frozen/fold_1"]
    assert trainings.find(every, every[3].key) is every[3]
    with pytest.raises(StudyError, match="--arm: 'froze' is not in this study; choose from frozen, vanilla"):
        trainings.select(every, ["froze"])
    with pytest.raises(StudyError, match="no such training"):
        trainings.find(every, "run_9")
