import json
import subprocess

import pytest
import warm_python
from dataset_trees import make_btcv, make_busi, make_folder, make_isic, make_kvasir, make_tnscui

COMMAND = "nnUNetv2_plan_and_preprocess"
MAKERS = {
    "busi": make_busi,
    "tnscui": make_tnscui,
    "isic": lambda root: make_isic(root, 2018),
    "kvasir": make_kvasir,
    "btcv": make_btcv,
    "folder": lambda root: make_folder(root, ["a (1)", "a (2)", "a (3)", "b", "c", "d"]),
}
# converters with enough cases or lists for splits in these small trees
SPLITS = {"tnscui": "5fold", "isic": "official", "kvasir": "official", "folder": "5fold"}
NORMALISATION = {"isic": ["RGBTo01Normalization"] * 3, "btcv": ["CTNormalization"]}
NORMALISATION["kvasir"] = NORMALISATION["isic"]


@pytest.mark.integration
def test_nnunet_verifies_and_plans_every_converters_data_set(tmp_path, llm4seg, raw, monkeypatch):
    command = warm_python.commands() / COMMAND
    if not command.exists():
        pytest.skip(f"{COMMAND} is missing; install nnunetv2")
    for number, (name, make) in enumerate(MAKERS.items(), 1):
        splits = ["--splits", SPLITS[name]] if name in SPLITS else []
        code, _, err = llm4seg("convert", name, make(tmp_path / f"source_{name}"), "-d", number, *splits)
        assert code == 0, err
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    numbers = [str(number) for number in range(1, len(MAKERS) + 1)]
    done = subprocess.run(
        [command, "-d", *numbers, "--verify_dataset_integrity", "--no_pp", "-npfp", "1"],
        env=warm_python.environment() | folders | {"nnUNet_def_n_proc": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("your dataset is most likely OK") == len(MAKERS)
    for number, name in enumerate(MAKERS, 1):
        (preprocessed,) = (tmp_path / "preprocessed").glob(f"Dataset{number:03d}_*")
        if name in SPLITS:
            mine, copied = (folder / "splits_final.json" for folder in (raw / preprocessed.name, preprocessed))
            assert mine.read_text() == copied.read_text()
        plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
        schemes = plans["configurations"]["2d"]["normalization_schemes"]
        assert schemes == NORMALISATION.get(name, ["ZScoreNormalization"])
    monkeypatch.setenv("nnUNet_preprocessed", folders["nnUNet_preprocessed"])
    code, _, err = llm4seg("convert", "busi", tmp_path / "source_busi", "-d", 1, "--overwrite")
    assert code == 2 and "nnUNetPlans.json" in err
