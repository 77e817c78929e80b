"""Arms of a study: vanilla nnU-Net or the fields of an LLM layer; a list of values makes one arm per value."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath
from typing import Any

from nnunet_llm4seg.config import LLM4SegConfig
from nnunet_llm4seg.errors import ConfigError, StudyError, nearest
from nnunet_llm4seg.study.reading import check_keys

VANILLA = "vanilla"
_NAME = re.compile(r"[A-Za-z0-9]+(?:[_.-][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Arm:
    """One method.

    Attributes:
        fields: Those of `LLM4SegConfig` that the file gives; None is nnU-Net's own network.
        swept: Whether a list of layers made it.
    """

    name: str
    fields: Mapping[str, Any] | None
    swept: bool = field(default=False, compare=False)  # an amended file may write one of the list as an arm

    @property
    def config(self) -> LLM4SegConfig | None:
        return None if self.fields is None else LLM4SegConfig.from_dict(self.fields)


@dataclass(frozen=True)
class Claim:
    """`candidate > baseline`, fixed before results are read."""

    candidate: str
    baseline: str

    def __str__(self) -> str:
        return f"{self.candidate} > {self.baseline}"


def check_name(name: Any, where: str) -> str:
    """Check that a name can be part of folders' and plans' names.

    Raises:
        StudyError: it cannot; nnU-Net splits names at `__`.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise StudyError(
            f"{where}: the name {name!r} is not allowed; use letters and digits, joined by single '_', '-' or '.'."
        )
    return name


def read_arms(content: Any, where: str) -> tuple[Arm, ...]:
    """The arms in their order; lists of values are expanded.

    Raises:
        StudyError: there are none, a name is not allowed or occurs twice, or a field does not exist.
        ConfigError: a field's value is not allowed.
    """
    if not isinstance(content, dict) or not content:
        raise StudyError(f"{where}: arms: give at least one, such as `vanilla: vanilla`; the first is the baseline.")
    arms: list[Arm] = []
    for name, value in content.items():
        arms += _expand(check_name(name, f"{where}: arms"), value, f"{where}: arms.{name}")
    names = [arm.name for arm in arms]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{where}: two arms are called {name!r}; rename one of them.")
    plain = [arm.name for arm in arms if arm.fields is None]
    if len(plain) > 1:
        raise StudyError(f"{where}: the arms {', '.join(plain)} are the same training; keep one vanilla arm.")
    return tuple(arms)


def _expand(name: str, value: Any, where: str) -> list[Arm]:
    if value == VANILLA:
        return [Arm(name, None)]
    if not isinstance(value, dict) or not value:
        raise StudyError(f"{where}: {value!r} is not allowed; write `vanilla`, or the layer's fields in braces.")
    check_keys(value, [known.name for known in fields(LLM4SegConfig)], where)
    swept = [key for key, entry in value.items() if isinstance(entry, list)]
    for key in swept:
        if not value[key]:
            raise StudyError(f"{where}: {key}: an empty list makes no arm; give values, or one value.")
    arms = []
    for values in itertools.product(*(value[key] for key in swept)):
        endings = [f"_{key}{_slug(entry)}" for key, entry in zip(swept, values, strict=True)]
        made = {**value, **dict(zip(swept, values, strict=True))}
        try:
            LLM4SegConfig.from_dict(made)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
        arms.append(Arm(check_name(name + "".join(endings), where), made, "layer" in swept))
    return arms


def _slug(value: Any) -> str:
    """A value as part of a name: 14 -> 14, -2 -> m2, org/name -> name, 1.5 -> 1.5."""
    text = str(value)
    if isinstance(value, str):
        text = PurePath(value).name
    elif text.startswith("-"):
        text = f"m{text[1:]}"
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")


def default_claims(arms: Sequence[Arm]) -> tuple[Claim, ...]:
    """The claims of a study whose file names none: the layer helps, then it is what it has learned, not its structure.

    The first arm with a layer of its own weights, against the vanilla first arm, and then against its controls:
    shuffled, random, identity. An arm of a sweep over layers is chosen by nobody, so it makes no claim.
    """
    with_layer = [(arm, arm.config) for arm in arms if arm.config is not None]
    own = [pair for pair in with_layer if pair[1].weights == "pretrained" and not pair[0].swept]
    if arms[0].fields is not None or not own:
        return ()
    main, config = own[0]
    against = [arms[0]]
    for weights in ("shuffled", "random", "identity"):
        control = replace(config, weights=weights)
        against += [arm for arm, other in with_layer if replace(other, seed=control.seed) == control]
    return tuple(Claim(main.name, arm.name) for arm in against)


def read_claims(content: Any, arms: Sequence[Arm], where: str) -> tuple[Claim, ...]:
    """The claims in their order; none in the file are `default_claims`.

    Raises:
        StudyError: one is not of the form `arm > arm`, or names an arm that does not exist.
    """
    if not isinstance(content, list) or not all(isinstance(entry, str) for entry in content):
        raise StudyError(f"{where}: claims: {content!r} is not allowed; give a list such as [frozen > vanilla].")
    names = [arm.name for arm in arms]
    claims = []
    for text in content:
        sides = [side.strip() for side in text.split(">")]
        if len(sides) != 2 or not all(sides) or sides[0] == sides[1]:
            raise StudyError(f"{where}: claims: {text!r} is not allowed; write two arms as `frozen > vanilla`.")
        for side in sides:
            if side not in names:
                raise StudyError(f"{where}: claims: {text!r}: there is no arm {side!r}{nearest(side, names)}")
        claims.append(Claim(*sides))
    for claim in claims:
        if claims.count(claim) > 1:
            raise StudyError(f"{where}: claims: '{claim}' occurs twice; keep one.")
    return tuple(claims)
