"""Reading a YAML file whose every key is checked: what is not understood is refused with the nearest known."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import yaml

from nnunet_llm4seg.errors import StudyError, nearest


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, but a key that occurs twice is refused; PyYAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, Hashable) else id(key_node))
        return super().construct_mapping(node, deep)


def load_mapping(text: str, where: str) -> dict[str, Any]:
    """The mapping that a YAML text contains.

    Raises:
        StudyError: it is not YAML, contains a key twice, or is not a mapping.
    """
    try:
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that does not exist is a ValueError
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise StudyError(f"{where}: this is not valid YAML{line} ({problem}); correct it.") from error
    if not isinstance(content, dict):
        raise StudyError(f"{where}: a study file is a mapping of keys; begin it with `study: NAME`.")
    return content


def check_keys(content: Mapping[Any, Any], known: Iterable[str], where: str) -> None:
    """Refuse unknown keys, and name the nearest known key for each.

    Raises:
        StudyError: there is one.
    """
    names = list(known)
    for key in content:
        if key not in names:
            raise StudyError(f"{where}: there is no key {key!r}{nearest(str(key), names)}")


def take(
    content: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str, allowed: str, default: Any = ...
) -> Any:
    """The value of `key`, of the wanted type.

    Args:
        allowed: What is allowed, for the message.
        default: Returned if the key is missing; without it the key is required.

    Raises:
        StudyError: it is missing or of another type.
    """
    if key not in content:
        if default is ...:
            raise StudyError(f"{where}: {key} is missing; give {allowed}.")
        return default
    value = content[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise StudyError(f"{where}: {key}: {value!r} is not allowed; give {allowed}.")
    return value


def take_positive(content: Mapping[str, Any], key: str, where: str, default: Any = ...) -> Any:
    """A whole number of at least 1.

    Raises:
        StudyError: it is not.
    """
    value = take(content, key, int, where, "a whole number of at least 1", default)
    if value is not None and value is not default and value < 1:
        raise StudyError(f"{where}: {key}: {value} is not allowed; give a whole number of at least 1.")
    return value
