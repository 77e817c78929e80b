"""Finding trainers by name, as nnU-Net does."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import redirect_stdout
from difflib import get_close_matches
from io import StringIO
from typing import Any

from nnunet_llm4seg.errors import ConfigError, first_line


def find_trainer(name: str, known: Iterable[str] = ()) -> type[Any]:
    """The class of that name, from nnU-Net itself or a folder in `nnUNet_extTrainer`.

    Args:
        known: Names of trainers that exist, of which the sentence names the nearest.

    Raises:
        ConfigError: there is none, or it cannot be imported.
    """
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        with redirect_stdout(StringIO()):  # the folders in which it searches
            return recursive_find_trainer_class_by_name(name)
    except (RuntimeError, AssertionError) as error:
        near = " or ".join(get_close_matches(name, known, n=2, cutoff=0.8))
        said = f"{name!r}; correct the name{f' ({near}?)' if near else ''}"
        raise ConfigError(
            f"trainer: nnU-Net finds no trainer {said}, or, if it is your own, add its folder: "
            "`export nnUNet_extTrainer=FOLDER:$nnUNet_extTrainer`."
        ) from error
    except Exception as error:  # the user's module raises anything while it is imported
        raise ConfigError(
            f"trainer: {name!r} was not found, because a module in nnUNet_extTrainer cannot be imported "
            f"({type(error).__name__}: {first_line(error)}); correct that module."
        ) from error
