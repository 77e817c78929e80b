"""Tiny images and trees for the tests of this folder."""

import nibabel
import numpy as np
from PIL import Image


def noise(seed, shape=(40, 48)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def blob(seed, shape=(40, 48)):
    mask = np.zeros(shape, dtype=bool)
    mask[seed % 20 : seed % 20 + 12, 5:20] = True
    return mask


def save(pixels, path):
    """Write an array; bool becomes a 1-bit file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def contents(folder):
    """Every file's bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def cases(folder):
    """Names of the cases in one of nnU-Net's image folders."""
    return sorted(path.name.removesuffix("_0000.png") for path in folder.iterdir())


def make_folder(root, names, shape=(40, 48)):
    """The official LLM4Seg layout."""
    for seed, name in enumerate(names):
        save(noise(seed, shape), root / f"images/{name}.png")
        save(blob(seed, shape), root / f"masks/0/{name}.png")
    return root


def make_busi(root):
    """Kaggle's layout, with three masks of one image and equal channels."""
    top = root / "Dataset_BUSI_with_GT"
    for seed, name in enumerate(["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]):
        folder = top / name.split()[0]
        save(np.stack([noise(seed)] * 3, axis=2), folder / f"{name}.png")
        save(blob(seed) & (name != "normal (1)"), folder / f"{name}_mask.png")
    save(np.roll(blob(0), 22, axis=1), top / "benign" / "benign (1)_mask_1.png")
    save(np.roll(blob(0), 25, axis=0), top / "benign" / "benign (1)_mask_2.png")
    (top / "benign" / ".DS_Store").write_bytes(b"?")
    return root


def make_tnscui(root):
    """Upper-case endings, classes in a csv, and a test set that counts from 1 again."""
    for number in range(1, 13):
        save(noise(number), root / f"TNSCUI2020_train/image/{number}.PNG")
        save(blob(number), root / f"TNSCUI2020_train/mask/{number}.PNG")
    save(noise(50), root / "TNSCUI2020_test/image/1.PNG")
    rows = "".join(f"{number}.PNG,{number % 2}\n" for number in range(1, 13))
    (root / "TNSCUI2020_train/train.csv").write_text("ID,CATE\n" + rows)
    return root


YEARS = {
    2016: ("ISBI2016_ISIC_Part1_{}_Data", "ISBI2016_ISIC_Part1_{}_GroundTruth", "_Segmentation.png"),
    2017: ("ISIC-2017_{}_Data", "ISIC-2017_{}_Part1_GroundTruth", "_segmentation.png"),
    2018: ("ISIC2018_Task1-2_{}_Input", "ISIC2018_Task1_{}_GroundTruth", "_segmentation.png"),
}


def make_isic(root, year):
    """One year's folders, with superpixels (2017) and licence files."""
    images, masks, suffix = YEARS[year]
    sets = ["Training", "Test"] if year == 2016 else ["Training", "Validation", "Test"]
    for number, which in enumerate(sets):
        which = "Test_v2" if (year, which) == (2017, "Test") else which
        for seed in (10 * number, 10 * number + 1):
            name = f"ISIC_{seed:07d}"
            save(noise(seed, (40, 48, 3)), root / images.format(which) / f"{name}.jpg")
            save(blob(seed).astype(np.uint8) * 255, root / masks.format(which) / (name + suffix))
            if year == 2017:
                save(noise(seed), root / images.format(which) / f"{name}_superpixels.png")
        (root / images.format(which) / "ATTRIBUTION.txt").write_text("text")
        (root / masks.format(which) / "LICENSE.txt").write_text("text")
    return root


def make_kvasir(root):
    """JPEG masks, and lists of the official split."""
    top = root / "Kvasir-SEG"
    for number in range(6):
        save(noise(number, (40, 48, 3)), top / f"images/cju{number}.jpg")
        (top / "masks").mkdir(exist_ok=True)
        mask = Image.fromarray(blob(number).astype(np.uint8) * 255).convert("RGB")
        mask.save(top / f"masks/cju{number}.jpg", quality=60)
    (top / "kavsir_bboxes.json").write_text("{}")
    (top / "train.txt").write_text("cju0\ncju1\ncju2\ncju3\n")
    (top / "val.txt").write_text("cju4\ncju5\n\n")
    return root


def save_volume(values, path, spacing=(0.8, 0.8, 3.0), origin=(0.0, 0.0, 0.0)):
    """A negative spacing turns its axis."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def make_btcv(root, images="RawData/Training/img", labels="RawData/Training/label", tests="RawData/Testing/img"):
    for number in (1, 2, 35, 36):
        scan = np.full((8, 8, 4), number, dtype=np.int16)
        save_volume(scan, root / images / f"img{number:04d}.nii.gz")
        save_volume((scan % 14).astype(np.uint8), root / labels / f"label{number:04d}.nii.gz")
    save_volume(np.zeros((8, 8, 4), dtype=np.int16), root / tests / "img0061.nii.gz")
    return root
