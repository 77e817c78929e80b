import json

import pytest

from nnunet_llm4seg.datasets.groups import keys_by_name
from nnunet_llm4seg.errors import ConfigError, DatasetError
from nnunet_llm4seg.evaluation.arms.leaks import leaked_cases, read_groups

CASES = ["a", "b", "c", "d"]


def write_groups(folder, groups):
    (folder / "groups.json").write_text(json.dumps({"rule": "same hash", "groups": groups}))


def test_groups_that_share_a_case_are_one_cluster(tmp_path):
    write_groups(tmp_path, [["a", "b"], ["b", "c"]])
    clusters, rule = read_groups([tmp_path], CASES)
    assert clusters["a"] == clusters["b"] == clusters["c"]
    assert "d" not in clusters
    assert rule == "same hash"


def test_the_first_folder_with_a_file_counts(tmp_path):
    (tmp_path / "raw").mkdir()
    write_groups(tmp_path, [["a", "b"]])
    assert read_groups([tmp_path / "raw", tmp_path], CASES)[0] == {"a": "a", "b": "a"}
    assert read_groups([tmp_path / "raw"], CASES) == ({}, None)


@pytest.mark.parametrize(
    "content", ["[]", "{}", "no json", '{"rule": 1, "groups": 3}', '{"rule": "", "groups": [["x"]]}']
)
def test_a_bad_groups_file_is_named(tmp_path, content):
    (tmp_path / "groups.json").write_text(content)
    with pytest.raises(DatasetError, match=r"groups\.json"):
        read_groups([tmp_path], CASES)


def test_patients_come_from_the_first_group_of_the_expression():
    assert keys_by_name(["p1_a", "p1_b", "p2_a"], r"^(.+)_") == {"p1_a": "p1", "p1_b": "p1", "p2_a": "p2"}
    assert keys_by_name(["p1_a"], r"^..") == {"p1_a": "p1"}


# the last one matches, but its first group takes no part: these cases would be one patient
@pytest.mark.parametrize("pattern", ["(", "^q", "^q(.)|p"])
def test_a_bad_expression_is_named(pattern):
    with pytest.raises((ConfigError, DatasetError), match="--group-by"):
        keys_by_name(["p1_a"], pattern)


def test_leaks_are_validation_cases_whose_twin_is_trained_on():
    splits = [{"train": ["a", "b"], "val": ["c", "d"]}, {"train": ["c", "d"], "val": ["a", "b"]}]
    assert leaked_cases(splits, [0], {"a": "g", "c": "g"}) == {(0, "c")}
    assert leaked_cases(splits, [0, 1], {"a": "g", "c": "g"}) == {(0, "c"), (1, "a")}
    assert leaked_cases(splits, [0, 1], {}) == set()
