"""Whether Python, the packages and our trainers are what a training needs."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from nnunet_llm4seg.doctor.findings import Finding
from nnunet_llm4seg.nnunet.environment import TRAINERS, variables, with_trainers

_TRAINER = "nnUNetTrainerLLM4Seg"


def python() -> Iterator[Finding]:
    """The interpreter that runs this."""
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable})")


def packages() -> Iterator[Finding]:
    """Whether versions are in the ranges that this package's metadata requires, and whether they can be imported."""
    from packaging.requirements import Requirement

    wanted = {r.name: r for r in map(Requirement, metadata.requires("nnunet-llm4seg") or []) if not r.marker}
    for name in ("nnunetv2", "torch", "transformers"):
        asked = wanted[name]
        repair = f"pip install '{asked}'"
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("bad", name, "is not installed", repair)
            continue
        if not asked.specifier.contains(version, prereleases=True):
            yield Finding("bad", name, f"{version} is installed, but {asked.specifier} is needed", repair)
            continue
        try:
            importlib.import_module(name)
        except Exception as error:
            yield Finding("bad", name, f"{version} cannot be imported ({type(error).__name__}: {error})", repair)
            continue
        yield Finding("ok", name, f"{version} (needed: {asked.specifier})")


def fork() -> Iterator[Finding]:
    """Whether the nnunetv2 that Python imports is the distribution of that name, and not a fork found before it."""
    import nnunetv2

    found = Path(nnunetv2.__file__).resolve().parent
    owners = sorted(set(metadata.packages_distributions().get("nnunetv2", [])))
    official = metadata.distribution("nnunetv2")
    url = json.loads(official.read_text("direct_url.json") or "{}")
    editable = Path(url["url"].removeprefix("file://")) if url.get("dir_info", {}).get("editable") else None
    expected = Path(str(official.locate_file("nnunetv2"))).resolve()
    repair = "pip install --force-reinstall --no-deps 'nnunetv2>=2.8,<3'"
    if [name for name in owners if name != "nnunetv2"]:
        others = " and ".join(name for name in owners if name != "nnunetv2")
        yield Finding("bad", "nnunetv2 from", f"{found}, into which {others} installed too", f"pip uninstall {others}")
    elif found != expected and (editable is None or editable not in found.parents):
        text = f"{found}, which is not the nnunetv2 that is installed in {expected.parent}"
        command = "unset PYTHONPATH" if os.environ.get("PYTHONPATH") else repair
        yield Finding("bad", "nnunetv2 from", text, command)
    else:
        yield Finding("ok", "nnunetv2 from", str(found))


def trainers() -> Iterator[Finding]:
    """Our trainers through nnU-Net's own finder: as `llm4seg train` calls it, and as nnU-Net's commands do."""
    given = os.environ.get(TRAINERS)
    with variables(**{TRAINERS: with_trainers(given)}):
        where = _find()
    if isinstance(where, str):
        yield Finding("bad", "trainers", where, "pip install --force-reinstall --no-deps nnunet-llm4seg")
        return
    yield Finding("ok", "trainers", f"{_TRAINER} is found, from {where}")
    if isinstance(_find(), str):
        text = "nnUNetv2_train and nnUNetv2_predict do not find them in this shell (llm4seg train and predict do)"
        yield Finding("note", TRAINERS, f"{text}; it is {given or 'not set'}", 'eval "$(llm4seg env)"')


def _find() -> Path | str:
    """The file that our trainer comes from, or why it is not found."""
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found = recursive_find_trainer_class_by_name(_TRAINER)
    except Exception as error:
        return f"{_TRAINER} is not found: {error}"
    return Path(str(sys.modules[found.__module__].__file__))
