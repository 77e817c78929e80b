"""Degraded data sets: fewer or noisy training cases, and validation cases that are exactly those of the source."""

import json
import os

import numpy as np
import pytest
from dataset_trees import contents
from PIL import Image

from nnunet_llm4seg.datasets.degrade import NOISY
from nnunet_llm4seg.evaluation.arms.leaks import leaked_cases, raw_cases, read_groups

CASES = [f"case_{n}" for n in range(20)]
DISC = np.hypot(*(np.indices((24, 24)) - 12)) < 7


@pytest.fixture
def discs(raw):
    """Twenty cases in four folds, of which two are near-duplicates, and one test case."""
    folder = raw / "Dataset101_Discs"
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / part).mkdir(parents=True)
    for case in CASES:
        Image.fromarray((DISC * 200).astype(np.uint8)).save(folder / "imagesTr" / f"{case}_0000.png")
        Image.fromarray(DISC.astype(np.uint8)).save(folder / "labelsTr" / f"{case}.png")
    (folder / "imagesTs" / "test_0000.png").write_bytes((folder / "imagesTr" / "case_0_0000.png").read_bytes())
    dataset = {"channel_names": {"0": "zscore"}, "labels": {"background": 0, "disc": 1}}
    (folder / "dataset.json").write_text(json.dumps({**dataset, "numTraining": 20, "file_ending": ".png"}))
    splits = [{"train": [c for c in CASES if c not in CASES[n::4]], "val": CASES[n::4]} for n in range(4)]
    (folder / "splits_final.json").write_text(json.dumps(splits))
    groups = {"rule": "near-duplicates", "groups": [["case_0", "case_1"]]}  # in different folds
    (folder / "groups.json").write_text(json.dumps(groups))
    return folder


def read(folder, name="splits_final.json"):
    return json.loads((folder / name).read_text())


def label(folder, case):
    return np.array(Image.open(folder / "labelsTr" / f"{case}.png"))


def test_fewer_training_cases_are_a_matter_of_the_splits_alone(discs, llm4seg, raw):
    made = {}
    for number, fraction in ((201, "0.2"), (202, "0.6")):
        code, out, _ = llm4seg("degrade", 101, "-d", number, "--train-fraction", fraction)
        assert code == 0 and "fold 3: " in out and "(of 15), 5 validation cases, unchanged" in out
        made[number] = raw / f"Dataset{number}_Discs_train{round(100 * float(fraction))}"
    for few, more, whole in zip(*map(read, (made[201], made[202], discs)), strict=True):
        assert few["val"] == more["val"] == whole["val"]
        assert set(few["train"]) < set(more["train"]) < set(whole["train"])  # nested, so that a curve is one question
        assert (len(few["train"]), len(more["train"])) == (3, 9)
    for path in [path for part in ("imagesTr", "labelsTr", "imagesTs") for path in (discs / part).iterdir()]:
        assert os.path.samefile(path, made[201] / path.relative_to(discs))
    assert read(made[201], "groups.json") == read(discs, "groups.json")
    assert read(made[201], "dataset.json") == read(discs, "dataset.json")


@pytest.mark.parametrize("noise", ["eroded:2", "dilated:3", "shifted:4", "dropped:0.5"])
def test_noisy_labels_are_trained_and_clean_ones_are_validated(discs, llm4seg, raw, noise):
    before = contents(discs)
    assert llm4seg("degrade", "Dataset101_Discs", "-d", 201, "--label-noise", noise)[0] == 0
    (folder,) = raw.glob("Dataset201_*")
    for fold, clean in zip(read(folder), read(discs), strict=True):
        assert fold["val"] == clean["val"]
        assert fold["train"] == [case + NOISY for case in clean["train"]]
    changed = 0
    for case in CASES:
        assert os.path.samefile(folder / f"labelsTr/{case}.png", discs / f"labelsTr/{case}.png")
        for name in (case, case + NOISY):
            assert os.path.samefile(folder / f"imagesTr/{name}_0000.png", discs / f"imagesTr/{case}_0000.png")
        noisy = label(folder, case + NOISY)
        changed += not np.array_equal(noisy, DISC)
        if noise.startswith("eroded"):
            assert noisy.sum() < DISC.sum() and not (noisy & ~DISC).any()
        if noise.startswith("dilated"):
            assert noisy.sum() > DISC.sum() and not (DISC & ~noisy.astype(bool)).any()
        if noise.startswith("shifted"):
            moved = np.argwhere(noisy).mean(axis=0) - np.argwhere(DISC).mean(axis=0)
            assert noisy.sum() == DISC.sum() and 3 <= np.hypot(*moved) <= 5
        if noise.startswith("dropped"):
            assert noisy.sum() in (0, DISC.sum())
    assert changed == 20 or (noise.startswith("dropped") and 3 <= changed <= 17)
    assert contents(discs) == before
    assert read(folder, "dataset.json")["numTraining"] == 40 == len(list((folder / "labelsTr").iterdir()))


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(discs, llm4seg, raw):
    for number, seed in ((201, 0), (202, 0), (203, 5)):
        llm4seg("degrade", 101, "-d", number, "--label-noise", "shifted:4", "--seed", seed)
    first, second, other = (contents(path) for path in sorted(raw.glob("Dataset20*")))
    assert first == second and first != other and (raw / "Dataset203_Discs_shifted4_seed5").is_dir()


def test_compare_finds_a_near_duplicate_among_the_noisy_copies(discs, llm4seg, raw):
    llm4seg("degrade", 101, "-d", 201, "--label-noise", "eroded:2")
    folder, splits = raw / "Dataset201_Discs_eroded2", read(discs)
    clusters, rule = read_groups([folder], raw_cases(folder, ".png"))
    assert rule == "near-duplicates"
    assert leaked_cases(read(folder), range(4), clusters) == {(0, "case_0"), (1, "case_1")}
    assert leaked_cases(splits, range(4), read_groups([discs], CASES)[0]) == {(0, "case_0"), (1, "case_1")}


def test_what_is_there_already_is_kept_if_it_was_made_in_the_same_way(discs, llm4seg, refused, raw):
    words = ("degrade", 101, "-d", 201, "--train-fraction", "0.2")
    llm4seg(*words)
    code, out, _ = llm4seg(*words)
    assert code == 0 and "made with the same arguments" in out
    (discs / "splits_final.json").write_text(json.dumps(read(discs)[::-1]))
    assert "was made from other splits of Dataset101_Discs" in refused(*words)
    (raw / "Dataset201_Discs_train20" / "degraded.json").unlink()
    assert "was not made by this degrade" in refused(*words)


def test_without_hard_links_files_are_copied_and_counted(discs, llm4seg, raw, monkeypatch):
    def no_link(*_):
        raise OSError("not here")

    monkeypatch.setattr(os, "link", no_link)
    code, out, _ = llm4seg("degrade", 101, "-d", 201, "--train-fraction", "0.2")
    assert code == 0 and "41 files are copies" in out
    assert contents(raw / "Dataset201_Discs_train20" / "imagesTr") == contents(discs / "imagesTr")


def test_without_splits_the_folds_are_nnunets(discs, llm4seg, raw):
    (discs / "splits_final.json").unlink()
    _, out, _ = llm4seg("degrade", 101, "-d", 201, "--train-fraction", "0.5")
    assert "folds from nnU-Net's own rule" in out and "fold 4: 8 training cases (of 16), 4 validation" in out


def test_volumes_keep_their_place_in_space(raw, llm4seg):
    import nibabel

    folder = raw / "Dataset101_Boxes"
    affine = np.diag([-0.5, -0.5, 3.0, 1.0])
    affine[:3, 3] = 5, -6, 7
    box = np.zeros((12, 14, 6), dtype=np.uint8)
    box[3:9, 3:9, 1:5], box[5:7, 5:7, 2:4] = 1, 2
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for case in "abcde":
        nibabel.save(nibabel.Nifti1Image(box * 9.0, affine), folder / f"imagesTr/{case}_0000.nii.gz")
        nibabel.save(nibabel.Nifti1Image(box, affine), folder / f"labelsTr/{case}.nii.gz")
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "one": 1, "two": 2}}
    (folder / "dataset.json").write_text(json.dumps({**dataset, "numTraining": 5, "file_ending": ".nii.gz"}))
    assert llm4seg("degrade", 101, "-d", 201, "--label-noise", "dilated:1")[0] == 0
    noisy = nibabel.load(raw / f"Dataset201_Boxes_dilated1/labelsTr/a{NOISY}.nii.gz")
    np.testing.assert_allclose(noisy.affine, affine)
    voxels = np.asarray(noisy.dataobj)
    assert voxels[2, 5, 2] == 1 and voxels[1, 5, 2] == 0  # one voxel in the plane
    assert not voxels[:, :, 0].any() and (voxels == 2).sum() == 8  # slices are 6 times as thick, classes stay apart


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "degrade takes either a train fraction, such as 0.1, or a label noise, such as eroded:2"),
        (["--train-fraction", "0.1", "--label-noise", "eroded:2"], "degrade takes either"),
        (["--train-fraction", "1.5"], "train fraction: 1.5 is not allowed"),
        (["--train-fraction", "0.01"], "0.01 of the 15 training cases of fold 0 is none"),
        (["--label-noise", "erodet:2"], "no kind 'erodet'; did you mean 'eroded'?"),
        (["--label-noise", "eroded"], "'eroded' is not allowed; eroded takes 1 to 1000 pixels, such as eroded:2"),
        (["--label-noise", "dropped:0"], "dropped takes a probability above 0, at most 1, such as dropped:0.3"),
        (["--label-noise", "eroded:20"], "eroded:20 leaves no foreground in any label of Dataset101_Discs"),
        (["--label-noise", "eroded:2", "--seed", "-1"], "seed: -1 is not allowed"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(discs, refused, words, said):
    assert said in refused("degrade", 101, "-d", 201, *words)


def test_what_cannot_be_degraded_is_refused_with_its_reason(discs, refused, llm4seg):
    assert "'7' matches 0 folders in nnUNet_raw" in refused("degrade", 7, "-d", 201, "--train-fraction", "0.5")
    assert "101 is already the number of" in refused("degrade", 101, "-d", 101, "--train-fraction", "0.5")
    llm4seg("degrade", 101, "-d", 201, "--train-fraction", "0.5")
    assert "is degraded already" in refused("degrade", 201, "-d", 202, "--train-fraction", "0.5")
    dataset = read(discs, "dataset.json")
    (discs / "dataset.json").write_text(json.dumps({**dataset, "labels": {**dataset["labels"], "ignore": 2}}))
    assert "an ignore label" in refused("degrade", 101, "-d", 203, "--label-noise", "eroded:1")
