"""The study file: parsed once into typed values, everything in it checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.nnunet.lengths import DEFAULT_EPOCHS, SMOKE, SUFFIXED_EPOCHS, trainer_suffix
from nnunet_llm4seg.study.arms import Arm, Claim, check_name, default_claims, read_arms, read_claims
from nnunet_llm4seg.study.degraded import Degraded, read_degraded
from nnunet_llm4seg.study.engines import Engine, LocalEngine, read_engine
from nnunet_llm4seg.study.reading import check_keys, load_mapping, take, take_positive

_KEYS = (
    *("study", "folder", "datasets", "degrade", "configuration", "plans", "folds", "runs", "epochs"),
    *("arms", "claims", "engine"),
)

_SMALLER = ("features", "convolutions")  # what makes nnU-Net's own network smaller
_OTHERS = ("protocol", "token_grid", "backbone")  # what sets the network itself


@dataclass(frozen=True, kw_only=True)
class SourcePlans:
    """The plans that every arm starts from: nnU-Net's own, or made from them by `llm4seg plan`.

    Attributes:
        features: Of the network's first stage, twice as many in each further one, and the most; None is nnU-Net's own.
        convolutions: Of each stage, in the encoder and the decoder; None is nnU-Net's own.
    """

    source: str = "nnUNetPlans"
    protocol: str | None = None
    token_grid: int | None = None
    backbone: str | None = None
    features: tuple[int, int] | None = None
    convolutions: int | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as its file describes it.

    Attributes:
        folder: Where everything of the study is kept.
        base: The folder of the file; relative names of models are looked up there.
        datasets: Ids or names, as given.
        degraded: How those are made that the study makes from others, by data set as given.
        configurations: By data set as given, and `default`.
        folds: None is all of `splits_final.json`.
        epochs: One of nnU-Net's lengths, or `smoke`.
        arms: The first is the baseline.
        sha256: Hash of the file's bytes.
    """

    name: str
    folder: Path
    base: Path
    datasets: tuple[str, ...]
    degraded: Mapping[str, Degraded]
    configurations: Mapping[str, str]
    plans: SourcePlans
    folds: tuple[int, ...] | None
    runs: int
    epochs: int | str
    arms: tuple[Arm, ...]
    claims: tuple[Claim, ...]
    engine: Engine
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def ordered_claims(self) -> tuple[Claim, ...]:
        """The file's claims in their order, or the default ones."""
        return self.claims or default_claims(self.arms)

    def configuration(self, dataset: str) -> str:
        """The configuration of a data set, which is named as in the file."""
        return self.configurations.get(dataset) or self.configurations["default"]

    def as_smoke(self) -> Study:
        """The same with four iterations per training, in a folder of its own."""
        if self.epochs == SMOKE:
            return self
        return replace(self, epochs=SMOKE, folder=self.folder.with_name(f"{self.folder.name}_{SMOKE}"))


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        StudyError: it cannot be read, or a key or value is not allowed.
        ConfigError: a field of an arm is not allowed.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: the study file cannot be read ({error}); name another one.") from error
    return parse_study(text, path.resolve().parent, path.name)


def parse_study(text: str, base: Path, where: str) -> Study:
    """A study from its file's text.

    Args:
        base: The folder that the file is in.
        where: The file's name, for messages.

    Raises:
        StudyError, ConfigError: see `read_study`.
    """
    content = load_mapping(text, where)
    check_keys(content, _KEYS, where)
    name = check_name(take(content, "study", str, where, "the study's name"), f"{where}: study")
    datasets = _datasets(content, where)
    arms = read_arms(content.get("arms"), where)
    return Study(
        name=name,
        folder=base / take(content, "folder", str, where, "a folder", name),
        base=base,
        datasets=datasets,
        degraded=read_degraded(content.get("degrade", {}), datasets, where),
        configurations=_configurations(content.get("configuration"), datasets, where),
        plans=_plans(content.get("plans", "nnUNetPlans"), where),
        folds=_folds(content.get("folds", "all"), where),
        runs=take_positive(content, "runs", where, 1),
        epochs=_epochs(content.get("epochs", DEFAULT_EPOCHS), where),
        arms=arms,
        claims=read_claims(content.get("claims", []), arms, where),
        engine=read_engine(content["engine"], where) if "engine" in content else LocalEngine(),
        text=text,
    )


def _datasets(content: Mapping[str, Any], where: str) -> tuple[str, ...]:
    given = take(content, "datasets", list, where, "a list such as [101, Dataset104_Hippocampus]")
    names = []
    for entry in given:
        if isinstance(entry, bool) or not isinstance(entry, (int, str)) or not str(entry).strip():
            raise StudyError(f"{where}: datasets: {entry!r} is not allowed; give ids or names, such as 101.")
        names.append(str(entry))
    if not names or len(set(names)) < len(names):
        raise StudyError(f"{where}: datasets: {given!r} is not allowed; name at least one, and each once.")
    return tuple(names)


def _configurations(content: Any, datasets: tuple[str, ...], where: str) -> dict[str, str]:
    where = f"{where}: configuration"
    if isinstance(content, str) and content:
        return {"default": content}
    if not isinstance(content, dict):
        raise StudyError(
            f"{where}: {content!r} is not allowed; give one such as 2d, or {{default: 2d, 104: 3d_fullres}}."
        )
    by_number = {_number(dataset): dataset for dataset in datasets}
    found = {by_number.get(_number(str(key)), str(key)): value for key, value in content.items()}
    check_keys(found, ("default", *datasets), where)
    for key, value in found.items():
        if not isinstance(value, str) or not value:
            raise StudyError(f"{where}: {key}: {value!r} is not allowed; give one such as 2d or 3d_fullres.")
    for dataset in datasets:
        if dataset not in found and "default" not in found:
            raise StudyError(f"{where}: {dataset} has none; add it, or a default.")
    return found


def _number(dataset: str) -> str:
    """`104` for `104`, `0104` and `Dataset104_Hippocampus`, so that either form names a data set."""
    match = re.fullmatch(r"(?:Dataset)?0*(\d+)(?:_.*)?", dataset)
    return match[1] if match else dataset


def _plans(content: Any, where: str) -> SourcePlans:
    where = f"{where}: plans"
    content = {"source": content} if isinstance(content, str) else content
    if not isinstance(content, dict):
        raise StudyError(
            f"{where}: {content!r} is not allowed; give a name such as nnUNetPlans, or {{protocol: paper}}."
        )
    check_keys(content, ("source", *_OTHERS, *_SMALLER), where)
    source = take(content, "source", str, where, "a name such as nnUNetPlans", "nnUNetPlans")
    if not source or PurePath(source).name != source:  # new plans are written beside them
        raise StudyError(f"{where}: {source!r} is not allowed; give a name such as nnUNetPlans.")
    smaller = [key for key in _SMALLER if content.get(key) is not None]
    if smaller and (others := [key for key in _OTHERS if content.get(key) is not None]):
        raise StudyError(f"{where}: {smaller[0]}: not together with {others[0]}, which sets the network itself.")
    return SourcePlans(
        source=source,
        protocol=take(content, "protocol", str, where, "paper", None),
        token_grid=take_positive(content, "token_grid", where, None),
        backbone=take(content, "backbone", str, where, "a backbone of `llm4seg plan`", None),
        features=_features(content, where),
        convolutions=take_positive(content, "convolutions", where, None),
    )


def _features(content: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    features = take(content, "features", list, where, "the first stage's and the most, such as [8, 64]", None)
    if features is None:
        return None
    if len(features) != 2 or any(type(n) is not int for n in features) or not 1 <= features[0] <= features[1]:
        raise StudyError(
            f"{where}: features: {features!r} is not allowed; give the first and the most, such as [8, 64]."
        )
    return features[0], features[1]


def _folds(content: Any, where: str) -> tuple[int, ...] | None:
    if content == "all":
        return None
    valid = isinstance(content, list) and all(type(fold) is int and fold >= 0 for fold in content)
    if not valid or not content or len(set(content)) < len(content):
        raise StudyError(f"{where}: folds: {content!r} is not allowed; write all, or a list such as [0, 1, 2].")
    return tuple(content)


def _epochs(content: Any, where: str) -> int | str:
    if isinstance(content, bool) or not isinstance(content, (int, str)) or trainer_suffix(content) is None:
        lengths = ", ".join(str(n) for n in sorted((*SUFFIXED_EPOCHS, DEFAULT_EPOCHS)))
        raise StudyError(f"{where}: epochs: {content!r} is not allowed; choose {lengths} or smoke.")
    return content
