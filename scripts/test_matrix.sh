#!/usr/bin/env bash
# Run the tests of the layer, the networks and the trainers with the oldest supported transformers, in a second environment.
# Usage: scripts/test_matrix.sh [version of transformers, default 4.46.3]
set -euo pipefail
cd "$(dirname "$0")/.."
version="${1:-4.46.3}"
venv=".venv-transformers-$version"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet --editable '.[test]' "transformers==$version"
exec "$venv/bin/python" -m pytest -m "not integration" tests/llm tests/test_bottleneck.py tests/test_grids.py tests/test_network.py tests/test_official.py tests/trainer
