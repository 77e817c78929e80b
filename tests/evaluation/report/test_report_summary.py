"""What comparison.json says about a whole comparison on made-up results; only `written` draws figures."""

import json
import re

from fake_results import LLM4SEG, VANILLA, analysed, make, write_json

from nnunet_llm4seg.evaluation.report.tables import all_tables
from nnunet_llm4seg.evaluation.report.write import without_nan


def test_baseline_is_the_vanilla_twin_and_the_first_candidate_the_main_one(written):
    summary = written[1]
    assert summary["baseline"] == VANILLA
    assert summary["sentence"] == summary["comparisons"][0]["claim"]
    assert summary["comparisons"][0]["verdict"] == "better"
    assert "is better than the baseline" in summary["sentence"]
    assert summary["comparisons"][1]["verdict"] == "open"
    assert "cannot be claimed" in summary["comparisons"][1]["claim"]


def test_near_duplicates_across_the_split_get_their_row(written):
    summary = written[1]
    assert summary["clusters"] == {"rule": "same hash", "count": 8}
    assert summary["leaked_cases"] == 2
    assert summary["comparisons"][0]["without_leaks"]["cases"] == 7


def test_empty_masks_are_counted(written):
    counts = written[1]["empty_masks"]["counts"][VANILLA]
    assert counts["core"]["both"] == 3 * 3  # three cases without a core, three runs
    assert sum(counts["mass"].values()) == 0


def test_noise_between_runs_is_always_there(written):
    summary = written[1]
    assert all(arm["run_sd"] > 0 for arm in summary["scores"].values())
    assert summary["baseline_against_itself"]["pairs"] == 3


def test_one_run_says_that_an_effect_of_the_seed_cannot_be_excluded(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch, volume=True)
    summary = analysed(configuration="3d_fullres")
    assert summary["comparisons"][0]["method"]["rule"] == "folds"
    assert summary["comparisons"][0]["verdict"] in ("ahead", "behind", "open")
    assert "effect of the random seed cannot be excluded" in summary["sentence"]
    assert summary["baseline_against_itself"] is None
    cells = str([table["rows"] for table in all_tables(without_nan(summary))])
    assert "needs 2 runs to tell" in cells


def test_one_fold_with_one_run_claims_nothing(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    summary = analysed(folds=[0])
    assert summary["comparisons"][0]["verdict"] == "none"
    assert "No claim about the methods" in summary["sentence"]
    assert without_nan(summary)["comparisons"][0]["method"]["p"] is None


def test_differences_that_are_allowed_are_told_first_and_are_in_the_report(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for fold in (0, 1):
        path = fake.fold(LLM4SEG, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "num_epochs": "9"})
    told = []
    summary = analysed(allow_different=True, report_difference=told.append)
    assert told == [f"num_epochs is 9 in {LLM4SEG}, but 2 in the baseline"]
    assert any("num_epochs is 9" in note for note in summary["notes"])


def test_the_commands_in_the_report_make_the_plans_and_train_every_arm(written):
    assert "\n".join(written[1]["commands"]["train"][:5]).splitlines() == [
        "# 3 times, each with its own nnUNet_results:",
        *(f"nnUNetv2_train Dataset901_Fake 2d {fold} -tr nnUNetTrainer -p nnUNetPlans" for fold in range(3)),
        "# 3 times, each with its own nnUNet_results:",
    ]
    assert written[1]["commands"]["train"][5].startswith(
        "llm4seg train Dataset901_Fake 2d 0 -tr nnUNetTrainerLLM4Seg "
    )


def test_where_every_case_leaks_nothing_is_claimed(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch, roots=2)
    groups = [[fake.names[i], fake.names[i + 1]] for i in range(0, 8, 2)]
    write_json(fake.raw / "Dataset901_Fake" / "groups.json", {"rule": "same hash", "groups": groups})
    summary = analysed(runs=fake.roots[1:])
    assert summary["comparisons"][0]["without_leaks"] is None
    assert summary["comparisons"][0]["verdict"] == "none"
    assert re.fullmatch(
        rf"No claim about the methods can be made: {LLM4SEG} differs by \+\S+ points of Dice, but 8 of 8 cases have a"
        " near-duplicate or an image of the same patient in their fold's training set, and too few are left without"
        " them; make splits by groups and train again.",
        summary["sentence"],
    )
    assert any("8 of 8 cases have a near-duplicate" in note and "too few" in note for note in summary["notes"])


def test_leaked_cases_are_in_the_sentence(written):
    assert "2 of 9 cases have a near-duplicate" in written[1]["sentence"]
