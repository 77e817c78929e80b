"""Cases that belong together: one patient's images, and near-duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nnunet_llm4seg.datasets.cases import some
from nnunet_llm4seg.errors import ConfigError, DatasetError


def joined(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Groups of two or more that the pairs connect, each and all of them sorted."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            name = above
        return name

    for first, second in pairs:
        parent[root(first)] = root(second)
    groups: dict[str, list[str]] = {}
    for name in sorted(parent):
        groups.setdefault(root(name), []).append(name)
    return sorted(group for group in groups.values() if len(group) > 1)


def keys_by_name(names: Iterable[str], regex: str) -> dict[str, str]:
    """The key of each name (its patient): what the first bracket of the expression matches, else the whole match.

    Raises:
        ConfigError: not a regular expression.
        DatasetError: it does not match every name.
    """
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"--group-by {regex!r} is not a regular expression ({error}); mend it.") from error
    names = sorted(names)
    matches = {name: pattern.search(name) for name in names}
    keys = {name: match and match[1 if pattern.groups else 0] for name, match in matches.items()}
    if unmatched := [name for name, key in keys.items() if key is None]:
        raise DatasetError(
            f"--group-by {regex!r} matches {len(names) - len(unmatched)} of {len(names)} case names, "
            f"not {some(unmatched)}; give an expression that finds the patient in every name."
        )
    return keys


def pairs_by_name(names: Iterable[str], regex: str) -> list[tuple[str, str]]:
    """Pairs that connect all names with the same key.

    Raises:
        ConfigError, DatasetError: see `keys_by_name`.
    """
    first_of: dict[str, str] = {}
    return [(first_of.setdefault(key, name), name) for name, key in keys_by_name(names, regex).items()]
