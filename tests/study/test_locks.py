"""Locks of the study's folder: taken by one, free when the holder is gone, refused where there are none."""

import errno
import fcntl

import pytest

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study.locks import HeldElsewhereError, held, is_held, require_locks


def test_a_lock_is_taken_by_one_and_free_afterwards(tmp_path):
    path = tmp_path / "training" / "lock"
    assert not is_held(path)
    with held(path):
        assert is_held(path)
        with pytest.raises(HeldElsewhereError), held(path, patience_s=0.2):
            raise AssertionError
    assert not is_held(path)
    with held(path, patience_s=0.2):
        pass


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    require_locks(tmp_path)
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StudyError, match=r"this file system has no locks .*`folder:`"):
        require_locks(tmp_path)
