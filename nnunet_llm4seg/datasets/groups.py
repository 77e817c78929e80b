"""Cases that belong together: one patient's images, and near-duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nnunet_llm4seg.datasets.names import some
from nnunet_llm4seg.errors import ConfigError, DatasetError


def joined(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Groups of two or more that the pairs connect, each and all of them sorted."""
    from scipy.cluster.hierarchy import DisjointSet

    sets: DisjointSet = DisjointSet()
    for first, second in pairs:
        sets.add(first)
        sets.add(second)
        sets.merge(first, second)
    return sorted(sorted(group) for group in sets.subsets() if len(group) > 1)


def keys_by_name(names: Iterable[str], regex: str) -> dict[str, str]:
    """The key of each name (its patient): what the first group of the expression matches, else the whole match.

    Raises:
        ConfigError: not a regular expression.
        DatasetError: it does not match every name.
    """
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"--group-by {regex!r} is not a regular expression ({error}); correct it.") from error
    names = sorted(names)
    found = {name: match[1 if pattern.groups else 0] for name in names if (match := pattern.search(name))}
    keys = {name: key for name, key in found.items() if key is not None}  # None: the group takes no part in the match
    if unmatched := [name for name in names if name not in keys]:
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
