"""The study's folder keeps the file; a changed file is refused or amended."""

import json

import pytest

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import folder

TEXT = "study: s\ndatasets: [1]\nconfiguration: 2d\nruns: 1\narms: {vanilla: vanilla, frozen: {layer: 1}}\n"


@pytest.fixture
def write(tmp_path):
    def write(text=TEXT):
        path = tmp_path / "s.yaml"
        path.write_text(text)
        return folder.open_study(path)

    return write


def test_the_first_run_keeps_the_file_and_its_sha256(write):
    study = write()
    assert not study.folder.exists()
    folder.settle(study)
    assert (study.folder / "study.yaml").read_text() == TEXT
    assert json.loads((study.folder / "study.json").read_text())["sha256"] == study.sha256
    folder.settle(study)
    assert folder.amendments(study) == []


def test_the_folder_can_be_named_in_place_of_the_file(write, tmp_path):
    study = write()
    folder.settle(study)
    again = folder.open_study(study.folder)
    assert (again.folder, again.base, again.sha256) == (study.folder, study.base, study.sha256)
    smoke = study.as_smoke()
    folder.settle(smoke)
    assert folder.open_study(smoke.folder).epochs == "smoke"
    assert folder.open_study(smoke.folder).folder == smoke.folder


def test_a_changed_file_is_refused(write):
    folder.settle(write())
    with pytest.raises(StudyError, match=r"has changed since .* \(2 lines.*`study:`.*--amend"):
        folder.settle(write(TEXT.replace("runs: 1", "runs: 2")))


def test_an_amendment_is_kept_with_its_difference(write):
    before = write()
    folder.settle(before)
    after = write(TEXT.replace("runs: 1", "runs: 2"))
    folder.settle(after, amend=True)
    (made,) = folder.amendments(after)
    assert (made["from"], made["to"]) == (before.sha256, after.sha256)
    assert "-runs: 1\n+runs: 2\n" in (after.folder / made["diff"]).read_text()
    assert folder.open_study(after.folder).runs == 2
    folder.settle(after)


def test_an_amendment_cannot_change_an_arm_under_its_name(write):
    folder.settle(write())
    with pytest.raises(StudyError, match="'frozen' would change under its name"):
        folder.settle(write(TEXT.replace("layer: 1", "layer: 2")), amend=True)


def test_a_folder_that_is_no_study_is_named(tmp_path):
    with pytest.raises(StudyError, match="this is no study's folder"):
        folder.open_study(tmp_path)


def test_other_lengths_belong_in_the_file(write, tmp_path):
    write()
    with pytest.raises(StudyError, match="--epochs: '5'"):
        folder.open_study(tmp_path / "s.yaml", "5")
