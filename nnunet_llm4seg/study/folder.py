"""A study's folder: the copy of its file with the sha256, how it was amended, and what is found there."""

from __future__ import annotations

import difflib
import os
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from nnunet_llm4seg.errors import DatasetError, StudyError
from nnunet_llm4seg.files import write_json, written_whole
from nnunet_llm4seg.nnunet.files import read_json
from nnunet_llm4seg.nnunet.lengths import SMOKE
from nnunet_llm4seg.study.file import Study, parse_study, read_study
from nnunet_llm4seg.study.locks import require_locks

COPY, RECORD = "study.yaml", "study.json"
_FORMAT = 1


def open_study(path: Path, epochs: str | None = None) -> Study:
    """A study by its file, or by its folder, which contains a copy of the file.

    Args:
        epochs: `smoke` for the study's smoke run.

    Raises:
        StudyError: neither exists, or the file is not allowed.
        ConfigError: a field of an arm is not allowed.
    """
    if epochs not in (None, SMOKE):
        raise StudyError(f"--epochs: {epochs!r} is not allowed; only {SMOKE} is, other lengths belong in the file.")
    if path.is_dir():
        return _from_folder(path)
    study = read_study(path)
    return study.as_smoke() if epochs == SMOKE else study


def _from_folder(folder: Path) -> Study:
    record = _record(folder)
    if record is None:
        raise StudyError(f"{folder}: this is no study's folder ({RECORD} is missing); name the study file.")
    try:
        text = (folder / COPY).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{folder / COPY} cannot be read ({error}); name the study file instead.") from error
    study = parse_study(text, Path(os.path.normpath(folder.resolve() / record["base"])), str(folder / COPY))
    study = study.as_smoke() if record["smoke"] else study
    if study.folder.resolve() != folder.resolve():
        raise StudyError(f"{folder}: the study was made in {study.folder}; move it back, or name the study file.")
    return study


def settle(study: Study, amend: bool = False) -> None:
    """Keep the file and its sha256 in the study's folder at the first run; compare with them at each later one.

    Args:
        amend: Take a changed file for the same study and keep the difference.

    Raises:
        StudyError: the file has changed, or an amended file changes an arm that keeps its name.
    """
    study.folder.mkdir(parents=True, exist_ok=True)
    require_locks(study.folder)
    with FileLock(study.folder / ".study.lock"):
        record = _record(study.folder)
        if record is None:
            _write(study, [])
        elif record["sha256"] != study.sha256:
            _amend(study, record, amend)


def amendments(study: Study) -> list[dict[str, Any]]:
    """When and how the file was changed after the first run; `diff` names a file in the study's folder."""
    record = _record(study.folder)
    return [] if record is None else list(record["amendments"])


def _amend(study: Study, record: dict[str, Any], amend: bool) -> None:
    before = (study.folder / COPY).read_text(encoding="utf-8")
    lines = list(difflib.unified_diff(before.splitlines(), study.text.splitlines(), "before", "after", lineterm=""))
    if not amend:
        changed = sum(line[0] in "+-" and line[:3] not in ("+++", "---") for line in lines)
        raise StudyError(
            f"the study file has changed since {study.folder} was begun ({changed} lines, sha256 "
            f"{record['sha256'][:12]} then, {study.sha256[:12]} now); a changed file is a new study: give it another "
            "name with `study:`, or run once with --amend, which keeps the difference for the report."
        )
    earlier = {arm.name: arm for arm in parse_study(before, study.base, COPY).arms}
    for arm in study.arms:
        if arm.name in earlier and earlier[arm.name] != arm:
            raise StudyError(
                f"--amend: the arm {arm.name!r} would change under its name ({earlier[arm.name].fields} then, "
                f"{arm.fields} now), and its trainings would mix; give the changed arm another name."
            )
    made = record["amendments"]
    name = f"amendments/{len(made) + 1}.diff"
    (study.folder / name).parent.mkdir(exist_ok=True)
    with written_whole(study.folder / name) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    when = time.strftime("%Y-%m-%d %H:%M:%S %z")
    _write(study, [*made, {"when": when, "from": record["sha256"], "to": study.sha256, "diff": name}])


def _write(study: Study, made: list[dict[str, Any]]) -> None:
    with written_whole(study.folder / COPY) as part:
        part.write_bytes(study.text.encode())
    write_json(
        study.folder / RECORD,
        {
            "format": _FORMAT,
            "sha256": study.sha256,
            "base": os.path.relpath(study.base, study.folder.resolve()),
            "smoke": study.epochs == SMOKE,
            "amendments": made,
        },
    )


def _record(folder: Path) -> dict[str, Any] | None:
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = read_json(path)
    except DatasetError as error:
        raise StudyError(f"{path} is damaged; restore it, or start the study in another folder.") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise StudyError(f"{path} is not of a study of this version; update nnunet-llm4seg, or use another folder.")
    return record
