"""File-safe names for cases and data sets."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from nnunet_llm4seg.errors import DatasetError

LONGEST = 120  # file systems allow 255 bytes; nnU-Net's endings and temporary names need some of them


def some(names: Iterable[object], limit: int = 3) -> str:
    """The first names, and the number of the others."""
    listed = sorted(str(name) for name in names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def safe_name(name: str) -> str:
    """A file-safe name: letters, digits and hyphens of ASCII, one underscore for all else.

    Accents are dropped. Names in other scripts, and very long ones, get 8 digits of their sha256, so that they remain
    distinct.

    Raises:
        DatasetError: it is not UTF-8, so it cannot be written to a file.

    Example:
        >>> safe_name("benign (1)")
        'benign_1'
    """
    if name != name.encode(errors="replace").decode():
        raise DatasetError(f"{name!r} is not a name in UTF-8; rename the file or folder and start again.")
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    safe = re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_")
    if any(c.isalnum() and not c.isascii() for c in plain) or len(safe) > LONGEST:
        digits = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{safe[: LONGEST - 9] or 'case'}_{digits}"
    return safe or "case"


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """File-safe case names, by published name.

    Raises:
        DatasetError: two names become the same, or one is not UTF-8.
    """
    safe: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        new = safe_name(name)
        if (other := taken.setdefault(new, name)) != name or name in safe:
            raise DatasetError(f"{other!r} and {name!r} both become the case name {new!r}; rename one of the files.")
        safe[name] = new
    return safe
