import pytest

from nnunet_llm4seg.datasets.groups import joined, pairs_by_name
from nnunet_llm4seg.datasets.splits import (
    classes_from_names,
    five_folds,
    pairs_cut,
    published_folds,
    read_lists,
)
from nnunet_llm4seg.errors import ConfigError, DatasetError

CLASSES = {f"{'a' if n % 3 else 'b'}{n}": "a" if n % 3 else "b" for n in range(60)}  # 40 a, 20 b


def test_lists_with_and_without_numbers_become_folds(tmp_path):
    for name, text in {
        "x_train1.txt": "one\ntwo\n",
        "x_val1.txt": "\ufeffthree\r\n\r\n",
        "x_train10.txt": "two",
        "x_val10.txt": "one",
        "train.txt": "three",
        "val.txt": "two",
        "notes.txt": "text",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    folds, names = read_lists(tmp_path)
    assert folds == [(["three"], ["two"]), (["one", "two"], ["three"]), (["two"], ["one"])]
    assert names[:2] == ["train.txt", "val.txt"]


def test_missing_lists_and_partners_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no lists .* --splits 5fold"):
        read_lists(tmp_path)
    (tmp_path / "x_train2.txt").write_text("one")
    with pytest.raises(DatasetError, match=r"x_train2.txt is a list without its partner"):
        read_lists(tmp_path)
    (tmp_path / "y_train2.txt").write_text("one")
    with pytest.raises(DatasetError, match=r"x_train2.txt and y_train2.txt are lists for the same fold"):
        read_lists(tmp_path)


def test_published_folds_go_through_the_name_table():
    names = {"a (1)": "a_1", "b.c": "b_c"}
    assert published_folds([(["images/a (1).png"], ["b.c"])], names) == [(["a_1"], ["b_c"])]


@pytest.mark.parametrize(
    ("fold", "sentence"),
    [
        ((["a"], ["x", "b"]), "fold 0 name 1 cases that are not there: x"),
        ((["a"], ["a"]), "fold 0 name a more than once"),
        ((["a"], []), "a list of fold 0 is empty"),
    ],
)
def test_wrong_published_lists_are_refused(fold, sentence):
    with pytest.raises(DatasetError, match=sentence):
        published_folds([fold], {"a": "a", "b": "b"})


def test_five_folds_are_a_stratified_partition():
    folds = five_folds(CLASSES, [], seed=1)
    assert sorted(case for _, validation in folds for case in validation) == sorted(CLASSES)
    for training, validation in folds:
        assert sorted(training + validation) == sorted(CLASSES)
        assert [sum(CLASSES[case] == name for case in validation) for name in "ab"] == [8, 4]


def test_five_folds_depend_on_the_seed_alone():
    shuffled = dict(reversed(CLASSES.items()))
    assert five_folds(CLASSES, [], seed=1) == five_folds(shuffled, [], seed=1)
    assert five_folds(CLASSES, [], seed=1) != five_folds(CLASSES, [], seed=2)


def test_five_folds_keep_groups_whole_and_even():
    cases = sorted(CLASSES)
    groups = [cases[:9], cases[9:14], cases[14:16]]
    folds = five_folds(CLASSES, groups, seed=1)
    for group in groups:
        assert sum(not set(group).isdisjoint(validation) for _, validation in folds) == 1
    assert max(len(v) for _, v in folds) - min(len(v) for _, v in folds) <= 2


def test_five_folds_need_five_groups():
    with pytest.raises(DatasetError, match="6 cases in 4 groups cannot make 5 folds"):
        five_folds(dict.fromkeys("abcdef"), ["abc"], seed=0)


def test_classes_are_told_by_names_only_if_they_repeat():
    names = [f"benign ({n})" for n in range(5)] + [f"malignant ({n})" for n in range(5)]
    assert set(classes_from_names(names).values()) == {"benign", "malignant"}
    assert set(classes_from_names([f"ISIC_{n}" for n in range(20)]).values()) == {None}
    assert set(classes_from_names([*names, "odd (1)"]).values()) == {None}
    assert set(classes_from_names([*names, "17"]).values()) == {None}


def test_patients_are_the_first_bracket_or_the_whole_match():
    names = ["p1_1", "p1_2", "p2_1", "p3_1", "p3_2", "p3_3"]
    groups = [["p1_1", "p1_2"], ["p3_1", "p3_2", "p3_3"]]
    assert joined(pairs_by_name(names, r"^(p\d+)_")) == joined(pairs_by_name(names, r"^p\d+")) == groups


def test_patient_expression_that_misses_names_is_refused():
    with pytest.raises(DatasetError, match=r"'q' matches 0 of 2 case names, not p1, p2"):
        pairs_by_name(["p1", "p2"], "q")
    with pytest.raises(DatasetError, match="matches 1 of 3 case names, not x1, x2"):
        pairs_by_name(["p1", "x1", "x2"], "^p(.)|^x")  # the group matches nothing in x1 and x2
    with pytest.raises(ConfigError, match="not a regular expression"):
        pairs_by_name(["p1"], "(")


def test_groups_join_over_shared_members():
    assert joined([("d", "c"), ("a", "b"), ("b", "c"), ("x", "x")]) == [["a", "b", "c", "d"]]


def test_cut_pairs_are_counted_between_training_and_validation_only():
    assert pairs_cut([("a", "b"), ("b", "c"), ("a", "z")], (["a"], ["b", "c"])) == 1
