"""Any volumes: NIfTI, NRRD and MetaImage, channels, and labels from files or a table."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK
from dataset_trees import save_volume


def labels_of(number):
    label = np.zeros((12, 10, 8), dtype=np.uint8)
    label[2:6, 2:6, 2:5] = 1
    label[6:9, 3:8, 3:6] = (2, 4)[number % 2]
    return label


@pytest.fixture
def mr(tmp_path):
    """Four MR volumes with the labels 0, 1, 2 and 4."""
    for n in range(4):
        save_volume(
            np.random.default_rng(n).integers(0, 900, (12, 10, 8), dtype=np.int16), tmp_path / f"mr/images/p{n}.nii.gz"
        )
        save_volume(labels_of(n), tmp_path / f"mr/labels/p{n}.nii.gz")
    return tmp_path / "mr"


def read(path):
    return np.asarray(nibabel.load(path).dataobj)


def test_labels_of_the_files_become_consecutive_and_mr_is_said(mr, llm4seg, raw):
    code, out, _ = llm4seg("convert", "volumes", mr, "-d", 1)
    folder = raw / "Dataset001_mr"
    assert code == 0 and "taken for MR" in out
    description = json.loads((folder / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "label_1": 1, "label_2": 2, "label_4": 3}
    assert description["channel_names"] == {"0": "MR"} and description["file_ending"] == ".nii.gz"
    wanted = np.where(labels_of(1) == 4, 3, labels_of(1))
    np.testing.assert_array_equal(read(folder / "labelsTr/p1.nii.gz"), wanted)
    header = nibabel.load(folder / "labelsTr/p1.nii.gz").header
    np.testing.assert_allclose(header.get_zooms(), (0.8, 0.8, 3.0), rtol=1e-5)


def test_table_names_labels_and_ct_chooses_its_normalisation(mr, llm4seg, raw):
    table = ("--labels", "background=0,core=1+4,edema=2", "--channels", "CT", "--name", "Tumour")
    assert llm4seg("convert", "volumes", mr, "-d", 1, *table)[0] == 0
    description = json.loads((raw / "Dataset001_Tumour/dataset.json").read_text())
    assert description["labels"] == {"background": 0, "core": 1, "edema": 2}
    assert description["channel_names"] == {"0": "CT"}
    wanted = np.where(labels_of(1) > 0, 1, 0)
    np.testing.assert_array_equal(read(raw / "Dataset001_Tumour/labelsTr/p1.nii.gz"), wanted)


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii"])
def test_other_formats_keep_voxels_spacing_and_place(ending, tmp_path, llm4seg, raw):
    rng = np.random.default_rng(0)
    stored = rng.integers(-1024, 900, (8, 10, 12), dtype=np.int16)  # (z, y, x)
    for n in range(3):
        for folder, voxels in (("images", stored), ("labels", labels_of(0).T.copy())):
            image = SimpleITK.GetImageFromArray(voxels)
            image.SetSpacing((0.5, 0.7, 2.0))
            image.SetOrigin((3.0, -4.0, 5.0))
            path = tmp_path / f"ct/{folder}/s{n}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            SimpleITK.WriteImage(image, str(path))
    code, out, err = llm4seg("convert", "volumes", tmp_path / "ct", "-d", 1)
    assert code == 0 and "taken for CT" in out, err
    written = SimpleITK.ReadImage(str(raw / "Dataset001_ct/imagesTr/s0_0000.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(written), stored)
    np.testing.assert_allclose(written.GetSpacing(), (0.5, 0.7, 2.0), rtol=1e-5)
    np.testing.assert_allclose(written.GetOrigin(), (3.0, -4.0, 5.0), rtol=1e-5)
    label = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(raw / "Dataset001_ct/labelsTr/s0.nii.gz")))
    np.testing.assert_array_equal(label, labels_of(0).T)


@pytest.mark.parametrize("endings", [("_0000", "_0001"), ("_t1", "_FLAIR")])
def test_channels_are_told_by_numbers_or_names(endings, mr, llm4seg, raw):
    for n in range(4):
        first = mr / f"images/p{n}.nii.gz"
        save_volume(np.full((12, 10, 8), n, dtype=np.int16), mr / f"images/p{n}{endings[1]}.nii.gz")
        first.rename(mr / f"images/p{n}{endings[0]}.nii.gz")
    assert llm4seg("convert", "volumes", mr, "-d", 1, "--channels", "t1,flair")[0] == 0
    folder = raw / "Dataset001_mr"
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "t1", "1": "flair"}
    assert (read(folder / "imagesTr/p3_0001.nii.gz") == 3).all() and len(list((folder / "imagesTr").iterdir())) == 8


def test_missing_channel_is_named(mr, refused):
    (mr / "images/p1.nii.gz").rename(mr / "images/p1_0001.nii.gz")
    assert "'p1' has the channels _0001 alone" in refused("convert", "volumes", mr, "-d", 1)


def test_4d_images_and_fractional_labels_are_refused(mr, refused):
    save_volume(labels_of(0) * np.float32(0.5), mr / "labels/p0.nii.gz")
    assert "holds fractions or negative values" in refused("convert", "volumes", mr, "-d", 1)
    save_volume(labels_of(0), mr / "labels/p0.nii.gz")
    affine = np.diag([0.8, 0.8, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.zeros((12, 10, 8, 2), np.int16), affine), mr / "images/p0.nii.gz")
    sentence = refused("convert", "volumes", mr, "-d", 1)
    assert "p0.nii.gz has 4 dimensions (12 x 10 x 8 x 2)" in sentence


def test_4d_image_of_btcv_is_refused(tmp_path, refused):
    from dataset_trees import make_btcv

    source = make_btcv(tmp_path / "download")
    path = source / "RawData/Training/img/img0002.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 4, 3), np.int16), np.eye(4)), path)
    assert "img0002.nii.gz has 4 dimensions" in refused("convert", "btcv", source, "-d", 1)


def test_organs_that_occur_in_no_label_are_noticed(tmp_path, llm4seg):
    from dataset_trees import make_btcv

    out = llm4seg("convert", "btcv", make_btcv(tmp_path / "download"), "-d", 1)[1]
    assert "no training label holds" in out and "pancreas" in out


def test_options_of_images_do_not_apply(mr, refused):
    assert "--size does not apply to volumes" in refused("convert", "volumes", mr, "-d", 1, "--size", 64)
