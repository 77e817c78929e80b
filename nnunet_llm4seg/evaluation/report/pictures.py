"""What was drawn before, by all that it shows, kept beside the report: a second report draws only what has changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnunet_llm4seg.evaluation import slices
from nnunet_llm4seg.evaluation.report import figures, overlays
from nnunet_llm4seg.files import written_whole

NAME = "pictures.json"
_IMAGE = re.compile(r"data:image/(?:png|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
_LARGEST = 256 * 2**20
_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Pictures:
    """Pictures as data URIs by a name, such as `light` and `dark`.

    Like `Kept`, the file is only a memory: what is not of the form that `write` gives is drawn again.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read(path)
        self._used: dict[str, dict[str, str]] = {}

    def drawn(self, shown: Any, draw: Callable[[], Mapping[str, str]]) -> dict[str, str]:
        """The pictures that `draw` makes, from the memory if they were drawn before.

        Args:
            shown: all that they depend on: numbers, texts, arrays, and lists and dicts of them.
        """
        content = json.dumps(shown, default=_plain).encode()
        key = hashlib.blake2b(_how_it_is_drawn() + content, digest_size=20).hexdigest()
        if key not in self._used:
            self._used[key] = self._known.get(key) or dict(draw())
        return self._used[key]

    def figure(self, draw: Callable[..., Mapping[str, str]], *shown: Any) -> dict[str, str]:
        """`draw(*shown)`."""
        return self.drawn([draw.__name__, *shown], lambda: draw(*shown))

    def write(self) -> None:
        """Keep what this report shows.

        Raises:
            OSError: the file cannot be written.
        """
        with written_whole(self.path) as part:
            part.write_text(json.dumps(self._used) + "\n", encoding="utf-8")


@lru_cache(maxsize=1)
def _how_it_is_drawn() -> bytes:
    """Changes with the code that draws, and with what it draws with."""
    found = hashlib.blake2b(version("matplotlib").encode())
    for module in (figures, overlays, slices):
        found.update(Path(str(module.__file__)).read_bytes())
    return found.digest()


def _plain(value: Any) -> Any:
    return value.tolist()  # of numpy


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: _checked(pictures) for key, pictures in content.items()}
    except _BROKEN:
        return {}


def _checked(pictures: Mapping[str, str]) -> dict[str, str]:
    if not pictures or not all(_IMAGE.fullmatch(uri) for uri in pictures.values()):
        raise ValueError("not pictures")
    return dict(pictures)
