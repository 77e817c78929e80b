import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "reproduce_paper.sh"

STUB = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $1 ${2:-}" in
    "llm4seg train "*)
        folder=$nnUNet_results/$2/${6}__${8}__$3/fold_$4/validation
        mkdir -p "$folder" && echo '{}' > "$folder/summary.json" ;;
    nnUNetv2_plan_and_preprocess*)
        data=$nnUNet_preprocessed/Dataset041_BUSI
        mkdir -p "$data/nnUNetPlans_2d" && touch "$data/nnUNetPlans.json" "$data"/nnUNetPlans_2d/{a,b,c}.{b2nd,pkl} ;;
esac
"""


@pytest.fixture
def start(tmp_path):
    for name in ("nnUNet_raw/Dataset041_BUSI", "nnUNet_preprocessed", "nnUNet_results", "bin"):
        (tmp_path / name).mkdir(parents=True)
    for command in ("llm4seg", "nnUNetv2_plan_and_preprocess"):
        (tmp_path / "bin" / command).write_text(STUB)
        (tmp_path / "bin" / command).chmod(0o755)
    images = tmp_path / "nnUNet_raw/Dataset041_BUSI/imagesTr"
    images.mkdir()
    for case in "abc":
        (images / f"{case}_0000.png").touch()
    log = tmp_path / "log"

    def run(*options, rc=0):
        log.write_text("")
        variables = {n: str(tmp_path / n) for n in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **variables, "PATH": path, "LOG": str(log)}
        done = subprocess.run([SCRIPT, *options], env=environment, capture_output=True, text=True)
        assert done.returncode == rc, done.stderr
        return log.read_text().splitlines(), done

    return run


def test_all_arms_are_planned_trained_and_compared_on_the_same_folds(start):
    calls, _ = start("41", "--epochs", "1", "--folds", "0 2", "--device", "cpu", "--layer", "3", "--token-grid", "16")
    assert calls[0].startswith("nnUNetv2_plan_and_preprocess -d 041 ")
    assert calls[1] == "llm4seg plan Dataset041_BUSI -c 2d --protocol paper --layer 3 --token-grid 16"
    trained = [call for call in calls if call.startswith("llm4seg train")]
    assert len(trained) == 12
    assert trained[0] == (
        "llm4seg train Dataset041_BUSI 2d 0 -tr nnUNetTrainer_1epoch -p nnUNetPlans_paper_grid16 -device cpu"
    )
    names = [call.split()[6] for call in trained[1:6]]
    assert names == [
        f"nnUNetTrainerLLM4Seg{variant}_1epoch"
        for variant in ("", "Trainable", "RandomTrainable", "Random", "Shuffled")
    ]
    assert calls[-1].count("--candidate") == 5
    assert "--baseline nnUNetTrainer_1epoch__nnUNetPlans_paper_grid16 " in calls[-1]
    assert "--folds 0 --folds 2 " in calls[-1]


def test_second_start_trains_nothing_that_is_done(start, tmp_path):
    start("Dataset041_BUSI", "--folds", "0")
    done = tmp_path / "nnUNet_results/Dataset041_BUSI/nnUNetTrainer_100epochs__nnUNetPlans_paper__2d/fold_0"
    (done / "validation" / "summary.json").unlink()
    (done / "checkpoint_latest.pth").touch()
    calls, _ = start("Dataset041_BUSI", "--folds", "0")
    assert [call for call in calls if call.startswith("llm4seg train")] == [
        "llm4seg train Dataset041_BUSI 2d 0 -tr nnUNetTrainer_100epochs -p nnUNetPlans_paper -device cuda --c"
    ]


def test_second_start_preprocesses_what_is_half_done_and_nothing_else(start, tmp_path):
    data = tmp_path / "nnUNet_preprocessed/Dataset041_BUSI/nnUNetPlans_2d"
    data.mkdir(parents=True)
    (data.parent / "nnUNetPlans.json").touch()
    for name in ("a.b2nd", "a.pkl", "b.b2nd"):  # killed at the second of three cases
        (data / name).touch()
    calls, _ = start("41", "--folds", "0")
    assert calls[0].startswith("nnUNetv2_plan_and_preprocess -d 041 ")
    calls, _ = start("41", "--folds", "0")
    assert not [call for call in calls if call.startswith("nnUNetv2_plan_and_preprocess")]


def test_data_set_without_images_is_named(start, tmp_path):
    for path in (tmp_path / "nnUNet_raw/Dataset041_BUSI/imagesTr").iterdir():
        path.unlink()
    calls, done = start("41", rc=2)
    assert not calls and "there are no images in" in done.stderr


def test_first_try_takes_the_shortest_trainers_of_every_arm(start):
    from nnunet_llm4seg.trainer.variants import SHORT_TRAINERS

    calls, _ = start("41", "--folds", "0", "--epochs", "smoke", "--device", "cpu")
    trained = [call.split()[6] for call in calls if call.startswith("llm4seg train")]
    assert len(trained) == 6
    assert trained[0] == "nnUNetTrainerVanilla_smoke"
    assert set(trained) <= set(SHORT_TRAINERS)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["41", "--epochs", "68"], ["68", "50, 100", "smoke"]),
        (["41", "--epoch", "5"], ["--epoch", "--epochs"]),
        (["41", "--folds"], ["--folds needs a value"]),
        (["7"], ["Dataset007_*", "convert"]),
    ],
)
def test_mistake_is_named(start, options, names):
    calls, done = start(*options, rc=2)
    assert not calls
    assert all(name in done.stderr for name in names)
