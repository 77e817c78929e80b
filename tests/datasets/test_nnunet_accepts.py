import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dataset_trees import blob, noise, save

COMMAND = Path(sys.executable).with_name("nnUNetv2_plan_and_preprocess")


@pytest.mark.integration
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "rgb"])
def test_nnunet_verifies_plans_and_takes_the_splits(colour, tmp_path, llm4seg, raw, monkeypatch):
    if not (COMMAND.exists() or shutil.which(COMMAND.name)):
        pytest.skip("nnUNetv2_plan_and_preprocess is missing; install nnunetv2")
    for number in range(6):
        save(noise(number, (64, 64, 3) if colour else (64, 64)), tmp_path / f"tiny/images/c ({number}).jpg")
        save(blob(number, (64, 64)), tmp_path / f"tiny/masks/0/c ({number}).png")
    assert llm4seg("convert", "folder", tmp_path / "tiny", "-d", 11, "--splits", "5fold")[0] == 0
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    command = COMMAND if COMMAND.exists() else shutil.which(COMMAND.name)
    done = subprocess.run(
        [command, "-d", "11", "--verify_dataset_integrity", "-c", "2d", "-np", "1", "-npfp", "1"],
        env=os.environ | folders,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "your dataset is most likely OK" in done.stdout
    preprocessed = tmp_path / "preprocessed/Dataset011_tiny"
    splits = (raw / "Dataset011_tiny/splits_final.json").read_text()
    assert json.loads((preprocessed / "splits_final.json").read_text()) == json.loads(splits)
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    schemes = plans["configurations"]["2d"]["normalization_schemes"]
    assert schemes == (["RGBTo01Normalization"] * 3 if colour else ["ZScoreNormalization"])
    monkeypatch.setenv("nnUNet_preprocessed", folders["nnUNet_preprocessed"])
    code, _, err = llm4seg("convert", "folder", tmp_path / "tiny", "-d", 11, "--overwrite")
    assert code == 2 and "nnUNetPlans.json" in err
