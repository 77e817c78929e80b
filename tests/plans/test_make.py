import json
from copy import deepcopy

import gguf
import pytest
from gguf_models import save_gguf

from nnunet_llm4seg.errors import ConfigError, DatasetError, ModelFilesError
from nnunet_llm4seg.plans.make import make_plans, write_plans

NETWORK = {
    "network_class_name": "net",
    "arch_kwargs": {"features_per_stage": [8, 16, 32], "strides": [[1, 1], [2, 2], [2, 2]]},
}
SOURCE = {
    "plans_name": "nnUNetPlans",
    "dataset_name": "Dataset007_X",
    "configurations": {
        "2d": {
            "data_identifier": "nnUNetPlans_2d",
            "patch_size": [64, 64],
            "batch_size": 2,
            "architecture": NETWORK,
        },
        "2d_small": {"inherits_from": "2d", "batch_size": 1},
        "3d_fullres": {
            "data_identifier": "nnUNetPlans_3d_fullres",
            "patch_size": [64, 64],
            "batch_size": 2,
            "architecture": NETWORK,
        },
    },
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "Dataset007_X"
    (folder / "nnUNetPlans_2d").mkdir(parents=True)
    (folder / "nnUNetPlans_2d" / "case.b2nd").touch()
    (folder / "nnUNetPlans.json").write_text(json.dumps(SOURCE))
    return folder


def write(folder, configurations=("2d",), name="New", source="nnUNetPlans", **fields):
    return write_plans(folder, configurations, fields, source=source, name=name).path


def test_only_the_chosen_configuration_gets_the_layer_and_the_data_are_shared():
    plans = make_plans(SOURCE, ["2d"], {"layer": 3}, "New")
    assert plans["plans_name"] == "New"
    assert plans["llm4seg_source_plans"] == "nnUNetPlans"
    assert plans["configurations"]["2d"]["architecture"] == {**NETWORK, "llm4seg": {"layer": 3}}
    assert plans["configurations"]["2d"]["data_identifier"] == "nnUNetPlans_2d"
    assert plans["configurations"]["3d_fullres"] == SOURCE["configurations"]["3d_fullres"]


def test_an_inherited_architecture_is_copied_whole():
    plans = make_plans(SOURCE, ["2d_small"], {}, "New")
    assert plans["configurations"]["2d_small"]["architecture"] == {**NETWORK, "llm4seg": {}}
    assert "llm4seg" not in plans["configurations"]["2d"]["architecture"]


def test_writing_the_same_again_is_fine_but_a_different_file_is_kept(folder):
    path = write(folder, layer=3)
    before = path.read_bytes()
    assert write(folder, layer=3) == path
    with pytest.raises(DatasetError, match=r"New\.json exists and differs.*-o"):
        write(folder, layer=4)
    with pytest.raises(DatasetError, match="exists and differs"):
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
    command = "nnUNetv2_preprocess -d 7 -plans_name nnUNetPlans -c 3d_fullres"
    with pytest.raises(DatasetError, match=f"'3d_fullres' is not preprocessed.*{command}"):
        write(folder, ["3d_fullres"])
    with pytest.raises(DatasetError, match=r"no .*Other\.json; run `nnUNetv2_plan_and_preprocess`"):
        write(folder, source="Other")
    assert sorted(folder.iterdir()) == before


def test_what_the_model_or_the_network_lacks_is_named_before_anything_is_written(folder, llama, tmp_path_factory):
    bert = tmp_path_factory.mktemp("bert")
    (bert / "config.json").write_text(json.dumps({"model_type": "bert", "num_hidden_layers": 3}))
    before = sorted(folder.iterdir())
    with pytest.raises(ModelFilesError, match="layer: 9 is out of range; this model has layers 0 to 2"):
        write(folder, model=str(llama), layer=9)
    with pytest.raises(ConfigError, match="'paper' is not available for bert"):
        write(folder, model=str(bert), layer=1)
    with pytest.raises(ConfigError, match="stage: -4 is not allowed; this encoder has stages -1 to -3"):
        write(folder, model=str(llama), layer=1, stage=-4)
    assert sorted(folder.iterdir()) == before
    write(folder, model=str(bert), layer=1, positions="none")  # fixed under the same name


def test_more_tokens_than_allowed_are_refused_and_nothing_is_written(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(
        ConfigError, match=r"stage -2 has 32x32 = 1024 tokens at patch size 64x64, but 1000 are allowed"
    ):
        write(folder, stage=-2, max_tokens=1000)
    assert sorted(folder.iterdir()) == before
    write(folder, stage=-2, max_tokens=1024)


def test_a_network_whose_tokens_cannot_be_counted_is_refused_and_nothing_is_written(folder):
    plans = deepcopy(SOURCE)
    del plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["strides"]
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    before = sorted(folder.iterdir())
    with pytest.raises(DatasetError, match=r"the network of '2d', 'net', has no strides"):
        write(folder)
    assert sorted(folder.iterdir()) == before


def test_plans_that_cannot_be_described_are_not_written(folder, monkeypatch):
    def broken(entry, config):
        raise ModelFilesError("model: cannot be built")

    monkeypatch.setattr("nnunet_llm4seg.plans.report.planned_share", broken)
    before = sorted(folder.iterdir())
    with pytest.raises(ModelFilesError):
        write(folder)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("content", ["{", "[]", '{"labels": {}}'])
def test_a_file_that_holds_no_plans_is_named(folder, content):
    (folder / "dataset.json").write_text(content)
    says = r"dataset\.json.* (holds no plans of nnU-Net's|cannot be read \(Expecting).*name plans with -p"
    with pytest.raises(DatasetError, match=says):
        write(folder, source="dataset")


def test_plans_that_cannot_be_written_or_are_damaged_are_named(folder, monkeypatch):
    (folder / "New.json").write_text("{")
    with pytest.raises(DatasetError, match="exists and differs"):
        write(folder)

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnunet_llm4seg.plans.make.write_json", full)
    with pytest.raises(DatasetError, match=r"Other\.json cannot be written \(No space left on device\)"):
        write(folder, name="Other")


@pytest.mark.parametrize(("weights", "said"), [("pretrained", True), ("shuffled", True), ("random", False)])
def test_description_says_that_the_weights_of_a_gguf_file_are_quantised(weights, said, folder, tmp_path):
    file = save_gguf(tmp_path / "m.gguf", kind=gguf.GGMLQuantizationType.Q8_0, values={"general.file_type": 7})
    fields = {"model": str(file), "layer": 1, "weights": weights}
    described = write_plans(folder, ["2d"], fields, source="nnUNetPlans", name="P").description
    assert ("2d: layer 1 of the model, Q8_0: 8-bit weights, dequantised" in described) == said
