"""The variables through which nnU-Net finds its folders and our trainers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from nnunet_llm4seg.errors import DatasetError

FOLDERS = {
    "nnUNet_raw": "raw data sets",
    "nnUNet_preprocessed": "plans and preprocessed data",
    "nnUNet_results": "trained models",
}


TRAINERS = "nnUNet_extTrainer"


def trainers_folder() -> Path:
    """The folder of this installation in which nnU-Net should search for trainers."""
    found = find_spec("nnunet_llm4seg.trainers")
    assert found is not None and found.origin is not None  # it ships with this module
    return Path(found.origin).parent


def with_trainers(value: str | None) -> str:
    """A value for `nnUNet_extTrainer` that begins with our trainers and keeps the entries of `value`."""
    ours = str(trainers_folder())
    others = [path for path in (value or "").split(os.pathsep) if path and path != ours]
    return os.pathsep.join([ours, *others])


def use_trainers() -> None:
    """Let nnU-Net find our trainers in this process, whatever the shell has set.

    Example:
        >>> import nnunet_llm4seg
        >>> nnunet_llm4seg.use_trainers()
        >>> predictor = nnUNetPredictor()  # doctest: +SKIP
        >>> predictor.initialize_from_trained_model_folder("…__nnUNetPlans_LLM4Seg__2d", (0,))  # doctest: +SKIP
    """
    os.environ[TRAINERS] = with_trainers(os.environ.get(TRAINERS))


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Set environment variables, and restore what was there before."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def folder_if_set(variable: str) -> Path | None:
    """The folder that an `nnUNet_*` variable names, or None if it is not set (or empty)."""
    value = os.environ.get(variable)
    return Path(value) if value else None


def require_folder(variable: str) -> Path:
    """The folder that an `nnUNet_*` variable names.

    Raises:
        DatasetError: the variable is not set.
    """
    folder = folder_if_set(variable)
    if folder is None:
        raise _not_set(variable)
    return folder


def dataset_id(name: str) -> int:
    """`Dataset006_BTCV` -> 6, as nnU-Net's own commands take it after `-d`."""
    return int(name.removeprefix("Dataset").partition("_")[0])


def find_dataset(root: Path, dataset: str) -> list[Path]:
    """The folders in `root` of a data set, given as `DatasetXXX_Name` or by its number."""
    if dataset.isdecimal():
        return sorted(path for path in root.glob(f"Dataset{int(dataset):03d}_*") if path.is_dir())
    return [root / dataset] if (root / dataset).is_dir() else []


def dataset_name(dataset: str) -> str:
    """The full name of a data set that is in nnUNet_preprocessed or nnUNet_raw, given by name or number.

    Raises:
        DatasetError: neither folder has it, or the number is not unique.
    """
    for variable in ("nnUNet_preprocessed", "nnUNet_raw"):
        if os.environ.get(variable):
            try:
                return dataset_folder(variable, dataset).name
            except DatasetError as error:
                found = error
        else:
            found = _not_set(variable)
    raise found


def dataset_folder(variable: str, dataset: str) -> Path:
    """The folder of a data set, given as `DatasetXXX_Name` or by its number, in one of nnU-Net's folders.

    Raises:
        DatasetError: there is none, or the number is not unique.
    """
    root = require_folder(variable)
    found = find_dataset(root, dataset)
    if len(found) != 1:
        names = ", ".join(path.name for path in sorted(root.glob("Dataset*"))) or "no data sets"
        raise DatasetError(
            f"dataset: {dataset!r} matches {len(found)} folders in {variable}={root}, which contains {names}; "
            "name one of them."
        )
    return found[0]


def _not_set(variable: str) -> DatasetError:
    return DatasetError(f"{variable} is not set; `export {variable}=FOLDER` with the folder for {FOLDERS[variable]}.")
