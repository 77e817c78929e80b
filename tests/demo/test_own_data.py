import json

import pytest
from rich.console import Console

from nnunet_llm4seg.demo.own_data import layout_of, write_part
from nnunet_llm4seg.demo.recipe import Demo
from nnunet_llm4seg.demo.run import run_demo
from nnunet_llm4seg.demo.synthetic import write_dataset
from nnunet_llm4seg.errors import DatasetError


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "Dataset005_Mine"
    write_dataset(folder, training=12, held_out=0, size=16, seed=0)
    return folder


def test_layouts_are_told_apart(raw, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks" / "0").mkdir(parents=True)
    assert (layout_of(raw), layout_of(tmp_path)) == ("raw", "folder")


def test_other_folder_is_refused_with_both_layouts_named(tmp_path):
    with pytest.raises(DatasetError, match=r"imagesTr.*masks/0"):
        layout_of(tmp_path)


def test_part_holds_out_a_fifth_and_never_trains_on_it(raw, tmp_path):
    target = tmp_path / "Dataset001_YourImages"
    write_part(raw, target, seed=0)
    names = {part: {path.name for path in (target / part).iterdir()} for part in ("labelsTr", "labelsTs")}
    assert (len(names["labelsTr"]), len(names["labelsTs"])) == (10, 2)
    assert not names["labelsTr"] & names["labelsTs"]
    assert len(list((target / "imagesTs").iterdir())) == 2
    assert json.loads((target / "dataset.json").read_text())["numTraining"] == 10


def test_too_few_cases_and_missing_images_are_refused_and_leave_nothing(raw, tmp_path):
    few = tmp_path / "few"
    write_dataset(few, training=4, held_out=0, size=16, seed=0)
    target = tmp_path / "target"
    with pytest.raises(DatasetError, match="4 cases"):
        write_part(few, target, seed=0)
    holey = tmp_path / "holey"
    write_dataset(holey, training=10, held_out=0, size=16, seed=0)
    (holey / "imagesTr" / "synthetic_003_0000.png").unlink()
    with pytest.raises(DatasetError, match=r"synthetic_003_0000\.png is missing"):
        write_part(holey, target, seed=0)
    assert not target.exists()


def test_refused_data_leave_no_folder_of_the_demo(tmp_path):
    few, folder = tmp_path / "few", tmp_path / "demo"
    write_dataset(few, training=4, held_out=0, size=16, seed=0)
    for part in ("images", "masks"):
        (tmp_path / "layout" / part).mkdir(parents=True)
    for data, sentence in ((few, "4 cases"), (tmp_path / "layout", "holds no images")):
        with pytest.raises(DatasetError, match=sentence):
            run_demo(Demo(folder=folder, data=data), Console())
        assert not folder.exists()
