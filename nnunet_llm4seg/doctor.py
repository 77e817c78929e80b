"""`llm4seg doctor`: whether a training could start on this machine, and the next command if not."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from nnunet_llm4seg.nnunet.environment import FOLDERS, with_trainers
from nnunet_llm4seg.nnunet.plans import ASKED

_LEAST_FREE_GB = 2  # two checkpoints of a 3D network and what nnU-Net writes beside them
_FETCH = "llm4seg fetch MODEL --layer I"
_TRAINER = "nnUNetTrainerLLM4Seg"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: `ok`; `note`, which does not prevent a training; or `bad`, which does.
        topic: What was looked at.
        text: What was found.
        command: What to run next about it, if anything.
    """

    level: str
    topic: str
    text: str
    command: str = ""


def examine() -> list[Finding]:
    """Check everything; a check that fails unexpectedly becomes a finding itself."""
    findings: list[Finding] = []
    for check in (_python, _packages, _fork, _trainers, _folders, _datasets, _layers, _hardware):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries that are imported
                findings += check()
        except Exception as error:  # a broken installation can raise anything, and the report is needed all the same
            findings.append(Finding("bad", check.__name__.strip("_"), f"{type(error).__name__}: {error}"))
    return findings


def next_command(findings: list[Finding]) -> str:
    """The one command to run next: for the first bad finding, else for a note, else a training."""
    for level in ("bad", "note"):
        for finding in findings:
            if finding.level == level and finding.command:
                return finding.command
    return "llm4seg train DATASET CONFIGURATION FOLD -p nnUNetPlans_LLM4Seg -tr nnUNetTrainerLLM4Seg"


def _python() -> Iterator[Finding]:
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Iterator[Finding]:
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


def _fork() -> Iterator[Finding]:
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


def _trainers() -> Iterator[Finding]:
    """Our trainers through nnU-Net's own finder: as `llm4seg train` calls it, and as nnU-Net's commands do."""
    given = os.environ.get("nnUNet_extTrainer")
    with _variable("nnUNet_extTrainer", with_trainers(given)):
        where = _find()
    if isinstance(where, str):
        yield Finding("bad", "trainers", where, "pip install --force-reinstall --no-deps nnunet-llm4seg")
        return
    yield Finding("ok", "trainers", f"{_TRAINER} is found, from {where}")
    if isinstance(_find(), str):
        text = "nnUNetv2_train and nnUNetv2_predict do not find them in this shell (llm4seg train and predict do)"
        yield Finding("note", "nnUNet_extTrainer", f"{text}; it is {given or 'not set'}", 'eval "$(llm4seg env)"')


def _find() -> Path | str:
    """The file that our trainer comes from, or why it is not found."""
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            found = recursive_find_trainer_class_by_name(_TRAINER)
    except Exception as error:
        return f"{_TRAINER} is not found: {error}"
    return Path(str(sys.modules[found.__module__].__file__))


def _folders() -> Iterator[Finding]:
    for variable, purpose in FOLDERS.items():
        bad = "note" if variable == "nnUNet_raw" else "bad"  # a training does not read raw data
        value = os.environ.get(variable)
        if not value:
            yield Finding(bad, variable, f"is not set (folder for {purpose})", f"export {variable}=FOLDER")
        elif not Path(value).is_dir():
            yield Finding(bad, variable, f"{value} does not exist", f"mkdir -p '{value}'")
        elif not os.access(value, os.W_OK | os.X_OK):
            yield Finding(bad, variable, f"{value} is not writable", f"export {variable}=ANOTHER_FOLDER")
        elif (free := shutil.disk_usage(value).free / 1e9) < _LEAST_FREE_GB:
            text = f"{value} has only {free:.1f} GB free; checkpoints need {_LEAST_FREE_GB}"
            yield Finding(bad, variable, text, f"df -h '{value}'")
        else:
            yield Finding("ok", variable, f"{value} ({free:.0f} GB free)")


def _datasets() -> Iterator[Finding]:
    """Data sets with plans; those whose plans ask for a layer can be trained at once."""
    root = os.environ.get("nnUNet_preprocessed")
    if not root or not Path(root).is_dir():
        return
    planned = sorted({path.parent.name for path in Path(root).glob("Dataset*/*Plans*.json")})
    asking = sorted({dataset for dataset, _ in _asked(Path(root))})
    if not planned:
        command = "nnUNetv2_plan_and_preprocess -d ID --verify_dataset_integrity"
        yield Finding("bad", "data sets", f"none in {root} is planned and preprocessed", command)
    elif not asking:
        command = f"llm4seg plan {planned[0]} -c 2d --model MODEL --layer I"
        yield Finding("note", "data sets", f"{', '.join(planned)}; none has plans with an LLM layer yet", command)
    else:
        yield Finding("ok", "data sets", f"{', '.join(planned)}; plans with an LLM layer: {', '.join(asking)}")


def _asked(root: Path) -> Iterator[tuple[str, str]]:
    """Data set and model of every plan that asks for an LLM layer."""
    for path in root.glob("Dataset*/*.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            configurations = json.loads(path.read_text(encoding="utf-8")).get("configurations", {})
            for configuration in configurations.values():
                if fields := configuration.get("architecture", {}).get(ASKED):
                    yield path.parent.name, fields.get("model", "")


def _layers() -> Iterator[Finding]:
    from nnunet_llm4seg.doctor_layers import models_at_hand
    from nnunet_llm4seg.llm import cache
    from nnunet_llm4seg.llm.hub import offline
    from nnunet_llm4seg.llm.staging import writable_by_others

    home = cache.home()
    if home.is_dir() and writable_by_others(home):
        text = f"{home} can be written to by others, who could change the layers that you train with"
        yield Finding("note", "layer cache", text, f"chmod go-w '{home}'")
    root = os.environ.get("nnUNet_preprocessed")
    named = {model for _, model in _asked(Path(root))} if root else set()
    folders = [f"{model} (named in plans)" for model in sorted(named) if (Path(model) / "config.json").is_file()]
    if models := [*folders, *models_at_hand()]:
        yield Finding("ok", "language models", "; ".join(models))
    else:
        text = "none found: no folder that plans name, nothing in a cache, no demo package"
        if offline():
            yield Finding("bad", "language models", f"{text}; HF_HUB_OFFLINE forbids fetching one", _FETCH)
        else:
            yield Finding("note", "language models", f"{text}; a training fetches its layer from the hub", _FETCH)


def _hardware() -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        text = (
            f"none that torch {torch.__version__} can use; on the {os.cpu_count()} CPU cores, slowly, with -device cpu"
        )
        yield Finding("note", "GPU", text)
        return
    for index in range(torch.cuda.device_count()):
        free, total = (size / 1e9 for size in torch.cuda.mem_get_info(index))
        with torch.cuda.device(index):
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        name = torch.cuda.get_device_name(index)
        text = f"{name}, {free:.0f} of {total:.0f} GB free, bfloat16 {'yes' if bf16 else 'no'}"
        yield Finding("ok", f"GPU {index}", text)
    setting = os.environ.get("nnUNet_compile", "not set: on")
    yield Finding("ok", "torch.compile", f"nnUNet_compile is {setting}")


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
