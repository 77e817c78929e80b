"""A disk that is nearly full is said before the first training."""

from collections import namedtuple

import pytest

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import checks
from nnunet_llm4seg.study.estimate import Estimate
from nnunet_llm4seg.study.file import parse_study

TEXT = "study: s\ndatasets: [1]\nconfiguration: 2d\narms: {vanilla: vanilla}\n"
NEEDED = Estimate(trainings=10, hours=1.0, measured_on=1, bytes_per_training=2 * 10**9, assumed_bytes=False)
Usage = namedtuple("Usage", "total used free")


def test_a_disk_for_a_part_is_a_warning_and_one_for_none_is_refused(tmp_path, monkeypatch):
    study = parse_study(TEXT, tmp_path, "s.yaml")

    def free(gigabytes):
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: Usage(0, 0, gigabytes * 10**9))

    free(30)
    assert checks.check_disk(study, NEEDED) is None
    free(5)
    assert "5.0 GB are free, and the 10 trainings that remain need about 20.0 GB" in checks.check_disk(study, NEEDED)
    free(1)
    with pytest.raises(StudyError, match=r"1\.0 GB are free, and one training needs about 2\.0 GB"):
        checks.check_disk(study, NEEDED)
