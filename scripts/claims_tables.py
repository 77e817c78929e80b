"""Print the two tables of docs/statistics.md: false claims, and power, in the scenarios of claims_scenarios.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnunet_llm4seg.evaluation.statistics.results import compare_primary
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario, simulate, simulated_scores
from nnunet_llm4seg.nnunet.files import read_json

SCENARIOS = Path(__file__).with_name("claims_scenarios.json")
PILOTS = 200


def main() -> None:
    scenarios = read_json(SCENARIOS)
    print("| folds | runs | SDs | (b) covers % | false claims % |\n|---|---|---|---|---|")
    for row in scenarios["false claims"]:
        scenario = Scenario.from_json(row["scenario"])
        found = simulate(scenario)
        print(_row(row["name"], scenario, found), flush=True)
        if "like_these" in found:
            print(_row(f"{row['name']}: data sets like these", scenario, found["like_these"]), flush=True)
    print("\n| folds | runs | SDs | promised with 80 % power: points | found in % |\n|---|---|---|---|---|")
    for row in scenarios["power"]:
        scenario = Scenario.from_json(row["scenario"])
        promised = promised_difference(scenario)
        found = simulate(Scenario.from_json({**row["scenario"], "difference": promised}))
        start = _start(row["name"], scenario)
        print(f"{start} | {promised:.2f} | {100 * found['better']:.1f} |", flush=True)


def promised_difference(scenario: Scenario) -> float:
    """The smallest difference, in points, that reports of simulated comparisons promise to detect: their median."""
    baseline, candidate = simulated_scores(scenario, PILOTS)
    promised = [
        compare_primary(ours, theirs, scenario.slots, target=0.01)["power"]["smallest_difference"]
        for ours, theirs in zip(candidate, baseline, strict=True)
    ]
    return 100 * float(np.median(promised))


def _start(name: str, s: Scenario) -> str:
    sds = f"{s.run_sd:g} / {s.case_sd:g} / {s.case_run_sd:g} / {s.training_sd:g}"
    return f"| {name} | {s.runs[0]}, {s.runs[1]} | {sds}"


def _row(name: str, scenario: Scenario, found: dict[str, Any]) -> str:
    covers = "–" if found["coverage"] is None else f"{100 * found['coverage']:.1f}"
    return f"{_start(name, scenario)} | {covers} | {100 * found['false_claims']:.1f} |"


if __name__ == "__main__":
    main()
