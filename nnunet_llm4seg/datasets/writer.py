"""Giving a data set its final name only when it is complete, and continuing where a killed run stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nnunet_llm4seg.errors import DatasetError, LLM4SegError
from nnunet_llm4seg.files import write_json

NOTICES = ".notices"
_RECIPE = ".recipe.json"


@contextmanager
def written_dataset(final: Path, recipe: Any, *, overwrite: bool) -> Iterator[Path]:
    """Yield a hidden folder beside `final`, which takes that name when the block ends.

    A run that was killed leaves the hidden folder; if the recipe is the same, its files are kept, so that the
    block need not write those that exist. A user's mistake (LLM4SegError) removes it. What the block puts into its
    folder `NOTICES` is for such a next run and does not become part of the data set.

    Args:
        recipe: everything that the files depend on, as JSON values.
        overwrite: replace `final` if it exists.

    Raises:
        DatasetError: `final` exists, another process is writing it, or the disk cannot be written: then what
            is written is kept for the next run.
    """
    part, old = (final.with_name(f".{final.name}.{suffix}") for suffix in ("part", "old"))
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(final.with_name(f".{final.name}.lock"), timeout=0):
            _recover(final, old)
            refuse_existing(final, overwrite=overwrite)
            _prepare(part, json.loads(json.dumps(recipe)))
            try:
                yield part
            except LLM4SegError:
                shutil.rmtree(part)
                raise
            (part / _RECIPE).unlink()  # first: without it the next run starts from the beginning
            if (part / NOTICES).exists():
                shutil.rmtree(part / NOTICES)
            if final.exists():
                os.replace(final, old)
            os.replace(part, final)
            shutil.rmtree(old, ignore_errors=True)
    except Timeout as error:
        raise DatasetError(f"{final} is being written by another run; wait for it or choose another ID.") from error
    except OSError as error:
        raise DatasetError(
            f"{error.filename or final.parent} cannot be read or written ({error.strerror or error}); check its "
            "space and rights and run the same command again, which continues where it stopped."
        ) from error


def refuse_existing(final: Path, *, overwrite: bool) -> None:
    """Raise DatasetError if `final` exists and may not be overwritten; a link is never overwritten."""
    if final.is_symlink():
        raise DatasetError(
            f"{final} is a link to {final.readlink()}, which is not replaced; remove the link or choose another ID."
        )
    if final.exists() and not overwrite:
        raise DatasetError(f"{final} is already there; add --overwrite to replace it or choose another ID.")


def _recover(final: Path, old: Path) -> None:
    """Undo a replacement that was killed between its two renames."""
    if old.exists() and not final.exists():
        os.replace(old, final)
    shutil.rmtree(old, ignore_errors=True)


def _prepare(part: Path, recipe: Any) -> None:
    if part.exists() and not _made_with(recipe, part):
        shutil.rmtree(part)
    part.mkdir(exist_ok=True)
    for torn in part.rglob(".*.part"):
        torn.unlink()
    write_json(part / _RECIPE, recipe)


def _made_with(recipe: Any, part: Path) -> bool:
    try:
        return json.loads((part / _RECIPE).read_text(encoding="utf-8")) == recipe
    except (FileNotFoundError, ValueError):  # killed before it was written, or emptied by a full disk
        return False
