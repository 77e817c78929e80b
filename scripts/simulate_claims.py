"""Print how often the report's claims are false in a scenario, as one JSON object.

Usage: simulate_claims.py SCENARIO.json, with the keys of `nnunet_llm4seg.evaluation.statistics.simulation.Scenario`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nnunet_llm4seg.errors import LLM4SegError
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario, simulate
from nnunet_llm4seg.nnunet.files import read_json


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: simulate_claims.py SCENARIO.json")
    try:
        print(json.dumps(simulate(Scenario.from_json(read_json(Path(sys.argv[1]))))))
    except LLM4SegError as error:
        print(f"simulate_claims: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
