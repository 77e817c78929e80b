import json

import numpy as np
import pytest
from dataset_trees import make_btcv, noise, save_volume


def test_btcv_raw_data_is_copied_as_it_is(tmp_path, llm4seg, raw):
    source = make_btcv(tmp_path / "btcv")
    code, out, _ = llm4seg("convert", "btcv", source, "-d", 6)
    folder = raw / "Dataset006_BTCV"
    assert code == 0 and "4 training cases, 1 test cases" in out
    description = json.loads((folder / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "CT"} and description["file_ending"] == ".nii.gz"
    assert len(description["labels"]) == 14 and description["labels"]["left adrenal gland"] == 13
    copied, original = folder / "imagesTr/img0035_0000.nii.gz", source / "RawData/Training/img/img0035.nii.gz"
    assert copied.read_bytes() == original.read_bytes()
    assert (folder / "labelsTr/img0035.nii.gz").is_file() and (folder / "imagesTs/img0061_0000.nii.gz").is_file()


def test_btcv_json_gives_the_published_fold(tmp_path, llm4seg, raw):
    source = make_btcv(tmp_path / "btcv", "imagesTr", "labelsTr", "imagesTs")
    entry = "imagesTr/img{:04d}.nii.gz".format
    content = {"numTraining": 99, "training": [{"image": entry(n)} for n in (1, 2)]}
    content["validation"] = [{"image": entry(n), "label": "labelsTr/x"} for n in (35, 36)]
    (source / "dataset_0.json").write_text(json.dumps(content))
    assert llm4seg("convert", "btcv", source, "-d", 6, "--splits", "official")[0] == 0
    folder = raw / "Dataset006_BTCV"
    folds = json.loads((folder / "splits_final.json").read_text())
    assert folds == [{"train": ["img0001", "img0002"], "val": ["img0035", "img0036"]}]
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 4


def test_btcv_label_of_another_grid_or_value_is_named(tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    label = source / "RawData/Training/label/label0002.nii.gz"
    save_volume(np.zeros((8, 8, 5), dtype=np.uint8), label)
    assert "label0002.nii.gz (8, 8, 5)" in refused("convert", "btcv", source, "-d", 6)
    save_volume(np.full((8, 8, 4), 14, dtype=np.uint8), label)
    assert "label0002.nii.gz holds the values 14; allowed are 0 to 13" in refused("convert", "btcv", source, "-d", 6)
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), label, (1.0, 1.0, 1.0))
    assert "1 x 1 x 1 mm" in refused("convert", "btcv", source, "-d", 6)


@pytest.mark.parametrize("name", ["Training/img/img0001", "Training/label/label0001", "Testing/img/img0061"])
def test_btcv_volume_that_is_cut_off_is_named(name, tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    path = source / f"RawData/{name}.nii.gz"
    save_volume(noise(1, (64, 64, 16)), path)
    path.write_bytes(path.read_bytes()[:-2000])  # the header is still whole
    assert f"{path} cannot be read as NIfTI" in refused("convert", "btcv", source, "-d", 6)


def test_btcv_label_that_lies_the_other_way_round_is_named(tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    label = source / "RawData/Training/label/label0002.nii.gz"
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), label, spacing=(-0.8, 0.8, 3.0))
    sentence = refused("convert", "btcv", source, "-d", 6)
    assert "label0002.nii.gz as LAS with its origin at (0, 0, 0) mm; both must have one grid" in sentence


@pytest.mark.parametrize(("origin", "noticed"), [((0.0, 0.0, 3.0), True), ((0.0, 0.004, 0.0), False)])
def test_btcv_label_with_another_origin_is_taken_as_stored_with_a_notice(origin, noticed, tmp_path, llm4seg):
    source = make_btcv(tmp_path / "btcv")
    label = source / "RawData/Training/label/label0002.nii.gz"
    save_volume(np.zeros((8, 8, 4), dtype=np.uint8), label, origin=origin)
    code, said = llm4seg("convert", "btcv", source, "-d", 6)[:2]
    assert code == 0
    assert ("labels have another origin than their image" in said) == noticed


def test_btcv_takes_no_options_for_images(tmp_path, refused):
    source = make_btcv(tmp_path / "btcv")
    assert "--size does not apply to btcv" in refused("convert", "btcv", source, "-d", 6, "--size", 256)
    assert "--rgb" in refused("convert", "btcv", source, "-d", 6, "--grey")
