import numpy as np
from dataset_trees import make_btcv, make_folder, pixels, save


def test_sheet_of_12_cases_is_beside_the_data_set_and_named(tmp_path, llm4seg, raw):
    make_folder(tmp_path / "data", [f"c{n:02d}" for n in range(20)])
    out = llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[1]
    sheet = raw / "Dataset001_data_contact_sheet.png"
    assert f"look at {sheet}" in out
    assert pixels(sheet).shape == (3 * 256, 4 * 240, 3)


def test_labels_are_in_colour_where_they_are(tmp_path, llm4seg, raw):
    save(np.full((40, 48), 100, dtype=np.uint8), tmp_path / "data/images/a.png")
    mask = np.zeros((40, 48), dtype=bool)
    mask[:20] = True  # the upper half
    save(mask, tmp_path / "data/masks/a.png")
    llm4seg("convert", "folder", tmp_path / "data", "-d", 1)
    sheet = pixels(raw / "Dataset001_data_contact_sheet.png").astype(int)
    upper, lower = sheet[16 + 4 * 10, 2 + 4 * 24], sheet[16 + 4 * 30, 2 + 4 * 24]  # small images are enlarged
    assert np.ptp(upper) > 50 and np.ptp(lower) == 0


def test_volumes_show_a_slice(tmp_path, llm4seg, raw):
    assert llm4seg("convert", "btcv", make_btcv(tmp_path / "download"), "-d", 1)[0] == 0
    assert (raw / "Dataset001_BTCV_contact_sheet.png").is_file()
