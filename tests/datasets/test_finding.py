import json

import numpy as np
import pytest
from dataset_trees import blob, make_btcv, make_folder, noise, save


@pytest.mark.parametrize("ending", ["gif", "webp", "ppm"])
def test_more_endings_are_converted_and_none_is_lost(ending, tmp_path, llm4seg):
    make_folder(tmp_path / "data", ["a", "b", "c"])
    for n, name in enumerate("def"):
        save(noise(n, (40, 48) if ending == "gif" else (40, 48, 3)), tmp_path / f"data/images/{name}.{ending}")
        save(blob(n), tmp_path / f"data/masks/0/{name}.png")
    code, out, _ = llm4seg("convert", "folder", tmp_path / "data", "-d", 1)
    assert code == 0 and "6 training cases" in out and "not converted" not in out


def test_files_that_are_not_converted_are_counted_and_named(source, llm4seg):
    (source / "images/later").mkdir()
    save(noise(1), source / "images/later/x.png")
    save(blob(1), source / "masks/stray.png")
    (source / "images/y.dcm").write_bytes(b"?")
    (source / "README.md").write_text("text")
    (source / "images/.hidden.png").write_bytes(b"?")
    code, out, _ = llm4seg("convert", "folder", source, "-d", 1)
    assert code == 0
    assert "not converted: 1 .png files in images/later (x.png): not part of a case" in out
    assert "not converted: 1 .png files in masks (stray.png): not part of a case" in out
    assert "not converted: 1 .dcm files in images (y.dcm): this ending is not read" in out
    assert out.count("not converted") == 3


def test_nii_beside_nii_gz_becomes_a_case(tmp_path, llm4seg, raw):
    import gzip

    source = make_btcv(tmp_path / "download")
    for path in (source / "RawData/Training/img/img0001.nii.gz", source / "RawData/Training/label/label0001.nii.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    code, out, _ = llm4seg("convert", "btcv", source, "-d", 1)
    assert code == 0 and "4 training cases" in out
    assert json.loads((raw / "Dataset001_BTCV/dataset.json").read_text())["numTraining"] == 4
    import nibabel

    voxels = np.asarray(nibabel.load(raw / "Dataset001_BTCV/imagesTr/img0001_0000.nii.gz").dataobj)
    np.testing.assert_array_equal(voxels, np.full((8, 8, 4), 1))
