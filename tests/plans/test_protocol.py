import json
from pathlib import Path

import pytest
from data_sets import planned_2d, planned_3d

from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.nnunet.plans import PROTOCOL, SOURCE_PLANS
from nnunet_llm4seg.plans.protocol import write_pair

EXAMPLES = Path(__file__).parents[2] / "plans" / "examples"


def pair_of(folder, configuration="2d", **options):
    pair = write_pair(folder, [configuration], {"layer": 3}, protocol="paper", source="nnUNetPlans", **options)
    return json.loads(pair.baseline.read_text()), json.loads(pair.candidate.path.read_text()), pair


@pytest.mark.parametrize(
    ("make", "configuration", "grid", "tokens"),
    [
        (planned_2d, "2d", None, [4, 4]),
        (planned_2d, "2d", 16, [16, 16]),
        (planned_3d, "3d_fullres", None, [6, 6, 6]),
        (planned_3d, "3d_fullres", 12, [12, 12, 12]),
    ],
)
def test_pair_differs_in_the_layer_only(project, make, configuration, grid, tokens):
    baseline, candidate, pair = pair_of(make(project), configuration, token_grid=grid)
    assert baseline[PROTOCOL]["token_grid"] == tokens
    assert candidate.pop(SOURCE_PLANS) == baseline["plans_name"] == pair.baseline.stem
    assert candidate.pop("plans_name") == pair.candidate.path.stem
    assert candidate["configurations"][configuration]["architecture"].pop("llm4seg") == {"layer": 3}
    assert candidate == {key: value for key, value in baseline.items() if key != "plans_name"}


def test_2d_has_the_papers_patch_and_batch_on_nnunets_own_data(project):
    baseline, _, _ = pair_of(planned_2d(project))
    entry = baseline["configurations"]["2d"]
    assert (entry["patch_size"], entry["batch_size"]) == ([256, 256], 8)
    assert (entry["spacing"], entry["data_identifier"]) == ([1.0, 1.0], "nnUNetPlans_2d")
    assert entry["architecture"]["arch_kwargs"]["n_stages"] == 7


def test_token_grid_16_is_five_stages(project):
    baseline, _, _ = pair_of(planned_2d(project), token_grid=16)
    assert baseline["configurations"]["2d"]["architecture"]["arch_kwargs"]["n_stages"] == 5


def test_3d_has_its_own_data_at_the_papers_spacing(project):
    baseline, _, pair = pair_of(planned_3d(project), "3d_fullres", token_grid=12)
    entry = baseline["configurations"]["3d_fullres"]
    assert (entry["patch_size"], entry["spacing"]) == ([96, 96, 96], [2.0, 1.5, 1.5])
    assert entry["median_image_size_in_voxels"] == [222.0, 256.0, 256.0]
    assert entry["data_identifier"] == "nnUNetPlans_paper_3d_fullres"
    assert pair.preprocess.endswith("-plans_name nnUNetPlans_paper_grid12 -c 3d_fullres")


def test_axis_order_of_the_source_does_not_turn_the_spacing(project):
    folder = planned_3d(project)
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    plans.update(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0])
    plans["original_median_shape_after_transp"] = [30, 10, 20]
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    baseline, _, _ = pair_of(folder, "3d_fullres")
    assert baseline["transpose_forward"] == [0, 1, 2]
    assert baseline["original_median_shape_after_transp"] == [10, 20, 30]
    assert baseline["configurations"]["3d_fullres"]["spacing"] == [2.0, 1.5, 1.5]


def test_same_request_twice_writes_the_same_and_another_is_refused(project):
    folder = planned_2d(project)
    _, first, _ = pair_of(folder)
    assert pair_of(folder)[1] == first
    with pytest.raises(DatasetError, match="differs"):
        write_pair(folder, ["2d"], {"layer": 4}, protocol="paper", source="nnUNetPlans")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"token_grid": 10}, ["10", "4, 8, 16"]),
        ({"token_grid": 20}, ["20 is not a grid of nnU-Net's encoder at this patch; choose 4, 8, 16"]),
        ({"token_grid": 0}, ["0"]),
        ({"protocol": "monai"}, ["monai", "paper"]),
        ({"configurations": ["3d_lowres"]}, ["3d_lowres", "2d, 3d_fullres"]),
        ({"configurations": ["2d", "3d_fullres"]}, ["2d, 3d_fullres"]),
    ],
)
def test_setting_outside_the_protocol_is_named(project, options, names):
    arguments = {"configurations": ["2d"], "protocol": "paper", "source": "nnUNetPlans", **options}
    with pytest.raises(ConfigError) as error:
        write_pair(planned_2d(project), fields={}, **arguments)
    assert all(name in str(error.value) for name in names)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [((500, 500), "images of 500x500 pixels"), ((256, 500, 100), "images of 100x100, 256x256, 500x500 pixels")],
)
def test_images_of_another_size_are_refused_with_the_command(project, sizes, found):
    with pytest.raises(DatasetError, match=rf"contains {found}; .*--size 256"):
        pair_of(planned_2d(project, sizes=sizes))


def test_images_that_nnunet_crops_to_nonzero_keep_the_papers_patch(project):
    baseline, _, _ = pair_of(planned_2d(project, cropped=241))
    entry = baseline["configurations"]["2d"]
    assert (entry["patch_size"], entry["median_image_size_in_voxels"]) == ([256, 256], [241.0, 241.0])


def test_raw_images_that_are_missing_or_damaged_are_named(project):
    folder = planned_2d(project)
    images = project / "nnUNet_raw" / folder.name / "imagesTr"
    (images / "case1_0000.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"case1_0000\.png cannot be read"):
        pair_of(folder)
    for path in images.iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="contains no images"):
        pair_of(folder)
    images.rmdir()
    with pytest.raises(DatasetError, match="imagesTr cannot be read"):
        pair_of(folder)


@pytest.mark.parametrize("content", ["{", "{}"])
@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("nnUNet_raw/Dataset001_Example2D/dataset.json", "put the raw data set there"),
        ("nnUNet_preprocessed/Dataset001_Example2D/dataset_fingerprint.json", "nnUNetv2_extract_fingerprint -d 1"),
    ],
)
def test_damaged_file_of_the_planner_is_named(project, path, remedy, content):
    folder = planned_2d(project)
    (project / path).write_text(content)
    with pytest.raises(DatasetError, match=rf"{Path(path).name}, .*missing or damaged; .*{remedy}"):
        pair_of(folder)


def test_plans_without_a_planner_are_named(project):
    folder = planned_2d(project)
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    del plans["experiment_planner_used"]
    (folder / "nnUNetPlans.json").write_text(json.dumps(plans))
    with pytest.raises(DatasetError, match="experiment_planner_used of 'nnUNetPlans' is None"):
        pair_of(folder)


def test_2d_of_volumes_and_3d_of_images_are_refused(project):
    with pytest.raises(DatasetError, match="volumes"):
        pair_of(planned_3d(project), "2d")
    with pytest.raises(DatasetError, match="2D images"):
        pair_of(planned_2d(project), "3d_fullres")


def test_missing_raw_data_is_named(project, monkeypatch):
    folder = planned_2d(project)
    monkeypatch.setenv("nnUNet_raw", str(project / "elsewhere"))
    with pytest.raises(DatasetError, match=r"dataset\.json"):
        pair_of(folder)


@pytest.mark.parametrize(("make", "configuration"), [(planned_2d, "2d"), (planned_3d, "3d_fullres")])
def test_shipped_examples_are_what_the_code_writes(project, make, configuration):
    folder = make(project)
    pair = write_pair(folder, [configuration], {}, protocol="paper", source="nnUNetPlans")
    for path in (pair.baseline, pair.candidate.path):
        example = EXAMPLES / f"{configuration}_{path.name}"
        assert example.read_text() == path.read_text()
