"""A Python for tests that start commands: it has imported torch and its like already, once for all commands.

Each command of nnU-Net's is a new process, in which imports take longer than the tests' tiny trainings. `commands()`
is a folder like the `bin` of an environment, with a `python` and the installed commands. A command of this folder is
a process with its own words, variables, folder, output, exit code and signals, and runs the installed script; but its
code runs in a child of a process that has imported other people's packages. Its `sys.executable` is this `python`, so
that the workers that nnU-Net spawns are of the same kind.

Two things differ from what a user's shell starts: a command that needs a package without importing it works here, and
objects are not taken apart at the end of a process. tests/integration/test_main_job.py uses the installed commands.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
# Variables that packages read when they are imported. With other values a command is run by the real Python.
PREFIXES = (
    *("HF_", "HUGGING", "TRANSFORMERS_", "TOKENIZERS_", "TORCH", "PYTORCH", "TQDM_", "MPL", "NPY_", "NUMEXPR_"),
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "PYTHON", "LD_", "XDG_"),
)
FREE = ("PYTHONPATH", "PYTHONUNBUFFERED")
if sys.version_info < (3, 13):  # Python does not know this one before
    FREE += ("PYTHON_CPU_COUNT",)
_AT_START = dict(os.environ)  # before any test changes them


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Variables without nnU-Net's and ours, with which the packages are imported; no hub can be reached."""
    kept = {k: v for k, v in _AT_START.items() if not k.startswith(("nnUNet_", "LLM4SEG", "HF_"))}
    return {
        **kept,
        "HF_HOME": str(_folder() / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",  # no server listens there
        "OMP_NUM_THREADS": _AT_START.get("OMP_NUM_THREADS", "1"),  # threads must not exist where processes fork
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asks for GPUs in a way after which processes can still be forked
        "OMP_WAIT_POLICY": "PASSIVE",  # on few cores, threads that spin while they wait slow each other down
        "TQDM_DISABLE": "1",  # keeps the commands' output readable where a test fails
    }


def possible() -> bool:
    """Whether processes can be forked here as this needs it: macOS's own libraries do not allow it."""
    return hasattr(os, "fork") and sys.platform != "darwin"


@lru_cache(maxsize=1)
def commands() -> Path:
    """The folder of the commands; of the installed ones where this does not work."""
    installed, folder = Path(sys.executable).parent, _folder() / "bin"
    if not possible():
        return installed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(_address()))
        listener.listen(64)
        words = [sys.executable, HERE / "warm_server.py", str(listener.fileno()), folder / "python"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "pass_fds": [listener.fileno()]}
        server = subprocess.Popen(words, env=environment(), **pipes)
    atexit.register(_stop, server)
    _write(folder / "python", f"{sys.executable} -IS", _client())
    scripts = [*installed.glob("nnUNetv2_*"), installed / "llm4seg"]
    for script in scripts:
        with script.open("rb") as file:
            if file.readline().startswith(b"#!"):
                _write(folder / script.name, str(folder / "python"), file.read().decode())
    _write(folder / "nnUNetv2_plan_and_preprocess", str(folder / "python"), (HERE / "quick_plan.py").read_text())
    if _works(folder / "llm4seg"):
        return folder
    warnings.warn("the tests' warm Python does not work here; all commands are started cold", stacklevel=2)
    return installed


def _works(command: Path) -> bool:
    try:  # fails where a first line may not have spaces, or where nothing in the folder may be executed
        return subprocess.run([command, "--help"], env=environment(), stdout=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _client() -> str:
    fixed = {
        os.fsencode(n): os.fsencode(v) for n, v in environment().items() if n.startswith(PREFIXES) and n not in FREE
    }
    prefixes, free = (tuple(map(os.fsencode, names)) for names in (PREFIXES, FREE))
    names = {"REAL": sys.executable, "SOCKET": str(_address()), "FIXED": fixed, "PREFIXES": prefixes, "FREE": free}
    lines = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    return lines + (HERE / "warm_client.py").read_text()


def _write(path: Path, interpreter: str, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{interpreter}\n{text}")
    path.chmod(0o755)


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="warm-"))  # short: names of sockets are limited
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _address() -> Path:
    return _folder() / "socket"


def _stop(server: subprocess.Popen) -> None:
    server.stdin.close()
    server.wait()
