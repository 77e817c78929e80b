import pytest
from dataset_trees import cases, make_folder

from nnunet_llm4seg.datasets.names import LONGEST, safe_name


def test_names_in_other_scripts_stay_distinct(tmp_path, llm4seg, raw):
    make_folder(tmp_path / "data", ["患者一", "患者二", "больной 1", "больной 2", "Müller"])
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[0] == 0
    found = cases(raw / "Dataset001_data/imagesTr")
    assert len(found) == 5 and "Muller" in found and all(name.isascii() for name in found)
    assert safe_name("患者一") != safe_name("患者二") and safe_name("患者一").startswith("case_")


def test_long_names_are_shortened_and_stay_distinct(tmp_path, llm4seg, raw):
    names = ["x" * 245 + digit for digit in "12"]
    make_folder(tmp_path / "data", names)
    assert llm4seg("convert", "folder", tmp_path / "data", "-d", 1)[0] == 0
    found = cases(raw / "Dataset001_data/imagesTr")
    assert len(found) == 2 and all(len(name) <= LONGEST for name in found)


@pytest.mark.parametrize(
    ("name", "safe"), [("benign (1)", "benign_1"), ("a.b_c", "a_b_c"), ("--", "--"), ("()", "case")]
)
def test_plain_names_are_as_before(name, safe):
    assert safe_name(name) == safe
