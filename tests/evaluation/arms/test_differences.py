"""Arms that differ in more than the bottleneck; folders are made up, nothing is trained."""

import json

from fake_results import write_json

FAKE = "Dataset901_Fake"


def change_plans(results, arm, change, root=0):
    path = results.folder(arm, root) / "plans.json"
    plans = json.loads(path.read_text())
    change(plans["configurations"]["2d"])
    write_json(path, plans)
