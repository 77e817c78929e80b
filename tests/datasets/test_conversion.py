import json
from pathlib import Path

import numpy as np
from dataset_trees import blob, noise, pixels, save
from PIL import Image

from nnunet_llm4seg.datasets import image_cases

REPOSITORY = Path(__file__).parents[2]


def test_size_resizes_images_bicubic_and_masks_nearest(source, llm4seg, raw):
    assert llm4seg("convert", "folder", source, "-d", 1, "--size", 32)[0] == 0
    folder = raw / "Dataset001_data"
    image = Image.fromarray(noise(0)).resize((32, 32), Image.Resampling.BICUBIC)
    mask = Image.fromarray(blob(0).astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(pixels(folder / "imagesTr/p0_0_0000.png"), np.array(image))
    np.testing.assert_array_equal(pixels(folder / "labelsTr/p0_0.png"), np.array(mask))


def test_patients_stay_in_one_fold_and_in_groups_json(source, llm4seg, raw):
    arguments = ("-d", 1, "--splits", "5fold", "--group-by", "^(p[0-9]+)_")
    assert llm4seg("convert", "folder", source, *arguments)[0] == 0
    folder = raw / "Dataset001_data"
    groups = json.loads((folder / "groups.json").read_text())
    assert groups["groups"] == sorted(sorted([f"p{n}_{2 * n}", f"p{n}_{2 * n + 1}"]) for n in range(6))
    assert "near-duplicates" in groups["rule"] and "^(p[0-9]+)_" in groups["rule"]
    for fold in json.loads((folder / "splits_final.json").read_text()):
        patients = [{case.split("_")[0] for case in fold[part]} for part in ("train", "val")]
        assert patients[0].isdisjoint(patients[1])
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["group_by"] == "^(p[0-9]+)_" and info["patients_crossing_each_fold"] == [0] * 5


def test_near_duplicates_may_be_left_ungrouped_but_are_still_listed(source, llm4seg, raw):
    for number in range(12):  # all the same
        save(noise(0), source / f"images/p{number // 2}_{number}.png")
    assert llm4seg("convert", "folder", source, "-d", 1, "--splits", "5fold", "--no-group-near-duplicates")[0] == 0
    folder = raw / "Dataset001_data"
    assert len(json.loads((folder / "groups.json").read_text())["groups"][0]) == 12
    info = json.loads((folder / "splits_info.json").read_text())
    assert info["near_duplicates_grouped"] is False and sum(info["near_duplicates"]["pairs_crossing_each_fold"])


def test_conversion_without_splits_writes_groups_and_no_folds(source, llm4seg, raw):
    save(noise(0), source / "images/p5_11.png")
    _, out, _ = llm4seg("convert", "folder", source, "-d", 1)
    assert "1 near-duplicate pairs" in out and "--splits 5fold keeps them together" in out
    assert sorted(path.name for path in (raw / "Dataset001_data").iterdir()) == [
        "case_names.csv",
        "dataset.json",
        "groups.json",
        "imagesTr",
        "labelsTr",
    ]


def test_labels_that_are_empty_or_foreground_everywhere_are_noticed(source, llm4seg):
    transparent = np.dstack([np.zeros((40, 48, 3), dtype=np.uint8), blob(0).astype(np.uint8) * 255])
    save(transparent, source / "masks/0/p0_0.png")  # the mask is in alpha alone
    red_on_white = np.where(blob(1)[..., None], [255, 0, 0], 255).astype(np.uint8)
    save(red_on_white, source / "masks/0/p0_1.png")
    code, out, _ = llm4seg("convert", "folder", source, "-d", 1)
    assert code == 0 and f"{image_cases.EMPTY}: 1 (p0_0)" in out and f"{image_cases.FULL}: 1 (p0_1)" in out
