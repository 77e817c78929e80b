import csv
import json
import math
import shutil

import numpy as np
import pytest
import torch
from trained_folders import save_fold

from nnunet_llm4seg.analysis.analyze import analyze, means
from nnunet_llm4seg.errors import CheckpointError, ConfigError, DatasetError

CPU = torch.device("cpu")


@pytest.mark.parametrize("dim", [2, 3])
def test_fold_with_llm_gives_table_arrays_and_figures(project, dim):
    folder = save_fold(project, dim)
    rows = analyze(folder, fold=0, output=project / "out", device=CPU)
    assert [(row["case"], row["place"]) for row in rows] == [
        (case, place) for case in "ab" for place in ("before", "after")
    ]
    with (project / "out" / "analysis.csv").open() as file:
        assert [float(row["effective_rank"]) for row in csv.DictReader(file)] == [r["effective_rank"] for r in rows]
    arrays = np.load(project / "out" / "cases" / "a.npz")
    grid = (8, 8) if dim == 2 else (4, 4, 4)
    assert arrays["features_before"].shape == arrays["features_after"].shape == (12, *grid)
    assert arrays["map_after"].shape == arrays["mask"].shape == arrays["image"].shape[1:]
    assert arrays["attention"].shape == (3, 4, 64)
    assert arrays["attention"].sum(-1) == pytest.approx(np.ones((3, 4)), abs=1e-5)
    assert list(arrays["attention_query_names"]) == ["lesion", "middle", "last"]
    for picture in ("summary.png", "cases/a.png", "cases/b.png"):
        assert (project / "out" / picture).stat().st_size > 5000
    assert all(math.isfinite(row["map_iou"]) == (row["case"] == "a") for row in rows)
    assert means(rows, "after")["map_iou"] == rows[1]["map_iou"]


def test_vanilla_fold_has_the_before_only(project):
    rows = analyze(save_fold(project, llm=False), fold=0, output=project / "out", device=CPU)
    assert {row["place"] for row in rows} == {"before"}
    assert "attention" not in np.load(project / "out" / "cases" / "a.npz")


def test_case_is_preprocessed_from_the_raw_data_where_nothing_else_is(project):
    from PIL import Image

    folder = save_fold(project)
    stored = next((project / "nnUNet_preprocessed").glob("*/nnUNetPlans_2d"))
    shutil.rmtree(stored)
    raw = project / "nnUNet_raw" / "Dataset003_Tiny"
    for sub in ("imagesTr", "labelsTr"):
        (raw / sub).mkdir(parents=True)
    mask = np.zeros((32, 32), np.uint8)
    mask[4:12, 20:30] = 1
    Image.fromarray(50 + 100 * mask).save(raw / "imagesTr" / "x_0000.png")
    Image.fromarray(mask).save(raw / "labelsTr" / "x.png")
    (raw / "dataset.json").write_text((folder / "dataset.json").read_text())
    analyze(folder, fold=0, output=project / "out", cases=["x"], device=CPU)
    assert (np.load(project / "out" / "cases" / "x.npz")["mask"] == mask.astype(bool)).all()


def no_plans(folder):
    (folder / "plans.json").unlink()


def torn(folder):
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:500])


def no_splits(folder):
    next(folder.parents[2].glob("nnUNet_preprocessed/*/splits_final.json")).unlink()


def unknown_trainer(folder):
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=False)
    torch.save({**checkpoint, "trainer_name": "nnUNetTrainerElsewhere"}, path)


def cascade(folder):
    plans = json.loads((folder / "plans.json").read_text())
    plans["configurations"]["2d"]["previous_stage"] = "2d"
    (folder / "plans.json").write_text(json.dumps(plans))
    path = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint = torch.load(path, weights_only=False)
    for name, tensor in checkpoint["network_weights"].items():
        if tuple(tensor.shape) == (4, 1, 3, 3):  # the second stage sees the first one's prediction as a channel
            checkpoint["network_weights"][name] = torch.cat((tensor, tensor), 1)
    torch.save(checkpoint, path)


def torn_json(name):
    def damage(folder):
        preprocessed = next(folder.parents[2].glob("nnUNet_preprocessed/*/splits_final.json"))
        (preprocessed if name == preprocessed.name else folder / name).write_text('{"a": ')

    return damage


def empty_validation(folder):
    path = next(folder.parents[2].glob("nnUNet_preprocessed/*/splits_final.json"))
    path.write_text(json.dumps([{"train": ["c"], "val": []}]))


def checkpoint_of_something_else(folder):
    torch.save([1, 2], folder / "fold_0" / "checkpoint_final.pth")


def torn_case(folder):
    next(folder.parents[2].glob("nnUNet_preprocessed/*/*/a.npz")).write_bytes(b"torn")


@pytest.mark.parametrize(
    ("damage", "options", "error", "names"),
    [
        (None, {"fold": 3}, DatasetError, ["3", "are 0"]),
        (None, {"cases": ["a", "zebra"]}, DatasetError, ["zebra", "nnUNet_preprocessed"]),
        (no_plans, {}, DatasetError, ["plans.json", "TRAINER__PLANS__CONFIGURATION"]),
        (torn, {}, CheckpointError, ["checkpoint_final.pth"]),
        (no_splits, {}, DatasetError, ["splits_final.json", "--cases"]),
        (unknown_trainer, {}, ConfigError, ["nnUNetTrainerElsewhere", "nnUNet_extTrainer=FOLDER"]),
        (cascade, {}, DatasetError, ["cascade"]),
        (torn_json("plans.json"), {}, DatasetError, ["plans.json", "cannot be read"]),
        (torn_json("dataset.json"), {}, DatasetError, ["dataset.json", "cannot be read"]),
        (torn_json("splits_final.json"), {}, DatasetError, ["splits_final.json", "cannot be read"]),
        (empty_validation, {}, DatasetError, ["splits_final.json", "not a list of folds"]),
        (checkpoint_of_something_else, {}, CheckpointError, ["checkpoint_final.pth"]),
        (torn_case, {}, DatasetError, ["'a'", "preprocess again"]),
    ],
)
def test_mistake_is_named_and_nothing_is_written(project, damage, options, error, names):
    folder = save_fold(project)
    if damage:
        damage(folder)
    with pytest.raises(error) as caught:
        analyze(folder, **{"fold": 0, "output": project / "out", "device": CPU, **options})
    assert all(name in str(caught.value) for name in names)
    assert not (project / "out").exists()


def test_the_fold_all_is_analysed_on_the_cases_that_it_was_trained_on(project, monkeypatch, capsys):
    from nnunet_llm4seg.cli import main

    folder = save_fold(project)
    (folder / "fold_0").rename(folder / "fold_all")
    splits = project / "nnUNet_preprocessed" / "Dataset003_Tiny" / "splits_final.json"
    splits.write_text('[{"train": ["a"], "val": ["b"]}]')
    monkeypatch.setattr("sys.argv", ["llm4seg", "analyze", str(folder), "-f", "all"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "trained on these cases" in capsys.readouterr().out
    with (folder / "fold_all" / "analysis" / "analysis.csv").open() as file:
        assert {row["case"] for row in csv.DictReader(file)} == {"a", "b"}
