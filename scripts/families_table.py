"""Print docs/statistics.md's table of families of claims: is any claim of a study false, in its ladder or its sweep?

Usage: families_table.py [SIMULATIONS]
"""

from __future__ import annotations

import sys
from typing import Any

from nnunet_llm4seg.evaluation.statistics.families import Family, simulate_ladder, simulate_sweep
from nnunet_llm4seg.evaluation.statistics.simulation import Scenario

FOLDS = [[1] * 40] * 5
SMALL = [[1] * 20] * 5
LADDER = [(1, 0), (1, 2), (1, 3)]  # frozen > vanilla, > shuffled, > random
REAL = 8.0  # points: a difference that is nearly always found
LAYERS = 16
LOOKS = [2, 3, 4, 5]


def families() -> list[tuple[str, Family]]:
    """Each family with its name; those without claims are sweeps."""

    def design(**changes: Any) -> Scenario:
        how: dict[str, Any] = {"folds": FOLDS, "runs": [3, 3], "case_sd": 3.0, "case_run_sd": 3.0, **changes}
        return Scenario.from_json({**how, "simulations": int(sys.argv[1]) if len(sys.argv) > 1 else 2_000})

    looks: dict[str, Any] = {"runs": [5, 5], "looks": LOOKS}
    several: dict[str, Any] = {"folds": SMALL, "datasets": 3}
    null, true_first = [0.0] * 4, [0.0, REAL, REAL, REAL]
    none, others = [0.0] * (LAYERS + 1), [0.0] * LAYERS
    return [
        ("3 claims, nothing differs", Family(design(), null, LADDER)),
        ("3 claims, the first is true", Family(design(), true_first, LADDER)),
        ("3 claims, the first two are true", Family(design(), [0.0, REAL, 0.0, REAL], LADDER)),
        (
            "3 claims, the first is true; training sets matter (SD 1)",
            Family(design(training_sd=1.0), true_first, LADDER),
        ),
        (
            "3 claims, the first is true; training sets matter (SD 3)",
            Family(design(training_sd=3.0), true_first, LADDER),
        ),
        ("3 claims, the first is true; looks after 2, 3, 4 and 5 runs", Family(design(**looks), true_first, LADDER)),
        ("3 claims, the first is true; 3 data sets", Family(design(**several), true_first, LADDER)),
        (
            "3 claims, the first is true; 3 data sets, heterogeneity 2",
            Family(design(**several, heterogeneity_sd=2.0), true_first, LADDER),
        ),
        ("16 layers, nothing differs", Family(design(), none)),
        ("16 layers, one is better by 3 points", Family(design(), [*others, 3.0])),
        ("16 layers, one is better by 1 point", Family(design(), [*others, 1.0])),
        ("16 layers, nothing differs; training sets matter (SD 1)", Family(design(training_sd=1.0), none)),
        ("16 layers, nothing differs; training sets matter (SD 3)", Family(design(training_sd=3.0), none)),
        ("16 layers, nothing differs; looks after 2, 3, 4 and 5 runs", Family(design(**looks), none)),
        ("16 layers, nothing differs; 3 data sets", Family(design(**several), none)),
    ]


def main() -> None:
    print("| family | any claim is false, % | bias of the best gain: as measured, cross-fitted |\n|---|---|---|")
    for name, family in families():
        if family.claims:
            found = simulate_ladder(family)
            print(f"| {name} | {_percent(found['these'])} | |", flush=True)
            if found["like_these"]:
                print(f"| {name}: data sets like these | {_percent(found['like_these'])} | |", flush=True)
            continue
        found = simulate_sweep(family)
        naive, cross = (
            f"{mean:+.2f} ± {error:.2f}" for mean, error in (found["naive_bias"], found["cross_fitted_bias"])
        )
        print(f"| {name} | {_percent(found['any_false'])} | {naive}, {cross} |", flush=True)
        if family.design.datasets > 1:
            print(f"| {name}: on any of them | {_percent(found['any_false_over_datasets'])} | |", flush=True)


def _percent(found: tuple[float, float]) -> str:
    return f"{100 * found[0]:.1f} ± {100 * found[1]:.1f}"


if __name__ == "__main__":
    main()
