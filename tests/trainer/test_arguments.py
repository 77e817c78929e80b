"""What `llm4seg train` and `llm4seg predict` check before nnU-Net takes over."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hand_made_plans import plans

from nnunet_llm4seg import use_trainers
from nnunet_llm4seg.errors import LLM4SegError
from nnunet_llm4seg.trainer.arguments import check_predict, check_train

OURS = "nnUNetTrainerLLM4Seg"
KEPT = Path(__file__).parents[1] / "data" / "checkpoints"


@pytest.fixture
def project(tmp_path, monkeypatch, llama):
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("nnUNet_extTrainer", "")
    use_trainers()
    data = tmp_path / "nnUNet_preprocessed" / "Dataset001_X"
    data.mkdir()
    (data / "P.json").write_text(json.dumps(plans("P")))
    (data / "Q.json").write_text(json.dumps(plans("Q", model=str(llama), layer=1)))
    model = tmp_path / "nnUNet_results" / "Dataset001_X" / f"{OURS}__Q__2d"
    model.mkdir(parents=True)
    dataset = {"labels": {"background": 0, "x": 1}, "channel_names": {"0": "a", "1": "b"}, "file_ending": ".png"}
    (model / "dataset.json").write_text(json.dumps(dataset))
    (tmp_path / "images").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("999 2d 0", "dataset: '999' matches 0 folders"),
        ("1 2d 0 -p None", r"plans: there is no .*None\.json"),
        ("1 3d_lowres 0 -p Q", "'3d_lowres' has no architecture"),
        ("1 2d first -p Q", "fold: 'first' is not allowed"),
        ("1 2d 0 -p Q -tr Missing", "add its folder: `export nnUNet_extTrainer=FOLDER"),
        (
            "1 2d 0 -p P -tr nnUNetTrainerNoDeepSupervision_smoke",
            r"correct the name \(.*nnUNetTrainerVanillaNoDeepSupervision_smoke.*\?\), or, if",
        ),
        ("1 2d 0 -p Q", "ask for an LLM layer, and nnUNetTrainer has none; add `-tr nnUNetTrainerLLM4Seg`"),
        ("1 2d 0 -p Q -tr nnUNetTrainer_5epochs", "nnUNetTrainer_5epochs has none"),
    ],
)
def test_a_training_that_cannot_be_meant_is_one_sentence(project, words, says):
    with pytest.raises(LLM4SegError, match=says):
        check_train(words.split())


@pytest.mark.parametrize("words", [f"1 2d 0 -p Q -tr {OURS} --npz", "1 2d all -p P", "--help", "1 2d"])
def test_what_can_be_meant_is_left_to_nnunet(project, words):
    check_train(words.split())


def test_pretrained_weights_without_a_layer_name_warm_start(project):
    path = project / "vanilla.pth"
    torch.save({"network_weights": {"encoder.w": torch.zeros(1)}, "current_epoch": 3}, path)
    words = f"1 2d 0 -p Q -tr {OURS} -pretrained_weights {path}".split()
    with pytest.raises(LLM4SegError, match=f"`llm4seg warm-start {path} -o NEW.pth -p Q -tr {OURS}`"):
        check_train(words)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], r"has no file that ends in \.png"),
        (["a_0000.jpg"], r"has no file that ends in \.png"),
        (["a.png"], r"a\.png is not named CASE_0000\.png"),
        (["a_0000.png"], "case a in .* has the channels 0000, but the model was trained with 0000, 0001"),
        (["a_0000.png", "a_0001.png", "a_0002.png"], "has the channels 0000, 0001, 0002"),
    ],
)
def test_images_that_do_not_fit_are_named(project, files, says):
    for file in files:
        (project / "images" / file).touch()
    with pytest.raises(LLM4SegError, match=says):
        check_predict(f"-i {project}/images -o {project}/o -d 1 -c 2d -tr {OURS} -p Q -f 0 1 -npp 1".split())


def test_a_missing_folder_or_model_is_named(project):
    rest = f"-o {project}/o -d 1 -c 2d -p Q"
    with pytest.raises(LLM4SegError, match="-i: there is no folder"):
        check_predict(f"-i {project}/gone {rest} -tr {OURS}".split())
    with pytest.raises(LLM4SegError, match=rf"choose -tr, -p and -c of a trained one: {OURS}__Q__2d"):
        check_predict(f"-i {project}/images {rest} -prev_stage_predictions x".split())


def test_images_that_fit_are_left_to_nnunet(project):
    for file in ("a_b_0000.png", "a_b_0001.png"):
        (project / "images" / file).touch()
    check_predict(f"-i {project}/images -o {project}/o -d 1 -c 2d -tr {OURS} -p Q".split())


def test_a_notebook_predicts_from_a_moved_folder_with_no_variable_set(tmp_path, monkeypatch):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "nnUNet_extTrainer"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("nnUNet_extTrainer", "")
    folder = shutil.copytree(KEPT / "frozen_2d", tmp_path / "moved to Köln ß")
    use_trainers()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    assert predictor.network.bottleneck.loaded
