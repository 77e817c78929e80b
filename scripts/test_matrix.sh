#!/usr/bin/env bash
# Run the tests of the layer and the bottleneck with the oldest supported transformers, in a second environment.
# Usage: scripts/test_matrix.sh [version of transformers, default 4.46.3]
set -euo pipefail
cd "$(dirname "$0")/.."
version="${1:-4.46.3}"
venv=".venv-transformers-$version"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
"$venv/bin/python" -m pip install --quiet --editable '.[test]' "transformers==$version"
exec "$venv/bin/python" -m pytest tests --ignore tests/integration
