import json

import pytest

from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.plans.make import make_plans, write_plans

SOURCE = {
    "plans_name": "nnUNetPlans",
    "configurations": {
        "2d": {"data_identifier": "nnUNetPlans_2d", "architecture": {"network_class_name": "net"}},
        "2d_small": {"inherits_from": "2d", "batch_size": 1},
        "3d_fullres": {"data_identifier": "nnUNetPlans_3d_fullres", "architecture": {}},
    },
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nnUNetPlans.json").write_text(json.dumps(SOURCE))
    (tmp_path / "nnUNetPlans_2d").mkdir()
    (tmp_path / "nnUNetPlans_2d" / "case.b2nd").touch()
    return tmp_path


def write(folder, configurations=("2d",), name="New", source="nnUNetPlans", **fields):
    return write_plans(folder, configurations, fields, source=source, name=name)


def test_only_the_chosen_configuration_gets_the_layer_and_the_data_are_shared():
    plans = make_plans(SOURCE, ["2d"], {"layer": 3}, "New")
    assert plans["plans_name"] == "New"
    assert plans["llm4seg_source_plans"] == "nnUNetPlans"
    assert plans["configurations"]["2d"]["architecture"] == {"network_class_name": "net", "llm4seg": {"layer": 3}}
    assert plans["configurations"]["2d"]["data_identifier"] == "nnUNetPlans_2d"
    assert plans["configurations"]["3d_fullres"] == SOURCE["configurations"]["3d_fullres"]


def test_an_inherited_architecture_is_copied_whole():
    plans = make_plans(SOURCE, ["2d_small"], {}, "New")
    assert plans["configurations"]["2d_small"]["architecture"] == {"network_class_name": "net", "llm4seg": {}}
    assert "llm4seg" not in plans["configurations"]["2d"]["architecture"]


def test_writing_the_same_again_is_fine_but_a_different_file_is_kept(folder):
    path = write(folder, layer=3)
    before = path.read_bytes()
    assert write(folder, layer=3) == path
    with pytest.raises(DatasetError, match=r"New\.json is there and differs.*-o"):
        write(folder, layer=4)
    with pytest.raises(DatasetError, match="is there and differs"):
        write(folder, name="nnUNetPlans")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a__b", "", "a/b"])
def test_a_name_that_nnunet_cannot_use_is_refused(folder, name):
    with pytest.raises(DatasetError, match="is not allowed"):
        write(folder, name=name)


def test_bad_input_is_named_and_nothing_is_written(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match="'alibi' is not allowed"):
        write(folder, positions="alibi")
    with pytest.raises(DatasetError, match=r"'3d_lowres' has no architecture.*2d, 2d_small, 3d_fullres"):
        write(folder, ["3d_lowres"])
    with pytest.raises(
        DatasetError, match=r"'3d_fullres' is not preprocessed.*nnUNetv2_preprocess -d .* -c 3d_fullres"
    ):
        write(folder, ["3d_fullres"])
    with pytest.raises(DatasetError, match=r"no .*Other\.json; run `nnUNetv2_plan_and_preprocess`"):
        write(folder, source="Other")
    assert sorted(folder.iterdir()) == before
