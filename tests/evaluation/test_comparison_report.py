"""A whole comparison on made-up results: its files and its numbers."""

import base64
import csv
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fake_results import LLM4SEG, VANILLA, make, write_json

from nnunet_llm4seg.evaluation import compare


def test_writes_four_files_and_returns_what_the_json_holds(written):
    folder, summary = written
    assert sorted(p.name for p in folder.iterdir()) == [
        "comparison.json",
        "per_case.csv",
        "report.html",
        "table.tex",
    ]
    assert json.loads((folder / "comparison.json").read_text()).keys() == summary.keys() - {"folder"}
    assert summary["folder"] == str(folder)


def test_baseline_is_the_vanilla_twin_and_the_first_candidate_the_main_one(written):
    summary = written[1]
    assert summary["baseline"] == VANILLA
    assert summary["sentence"] == summary["comparisons"][0]["claim"]
    assert summary["comparisons"][0]["verdict"] == "better"
    assert "is better than the baseline" in summary["sentence"]
    assert summary["comparisons"][1]["verdict"] == "open"
    assert "cannot be claimed" in summary["comparisons"][1]["claim"]


def test_every_run_case_and_label_is_a_row_that_gives_the_means(written):
    folder, summary = written
    with (folder / "per_case.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 3 * 9 * 2  # arms, runs, cases, labels
    dice = [float(row["dice"]) for row in rows if row["arm"] == LLM4SEG]
    assert np.mean(dice) == pytest.approx(summary["scores"][LLM4SEG]["mean"], abs=1e-6)


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


def test_one_run_says_that_seed_luck_cannot_be_excluded(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch, volume=True)
    summary = compare("901", "3d_fullres", output=tmp_path / "out")
    assert summary["comparisons"][0]["method"]["rule"] == "folds"
    assert "luck of the seed cannot be excluded" in summary["sentence"]
    assert summary["baseline_against_itself"] is None
    assert "needs 2 runs to tell" in (tmp_path / "out" / "report.html").read_text()


def test_one_fold_with_one_run_claims_nothing(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    summary = compare("901", "2d", folds=[0], output=tmp_path / "out")
    assert summary["comparisons"][0]["verdict"] == "none"
    assert "No claim about the methods" in summary["sentence"]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["comparisons"][0]["method"]["p"] is None


def test_differences_that_are_allowed_are_told_first_and_stand_in_the_report(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for fold in (0, 1):
        path = fake.fold(LLM4SEG, fold) / "debug.json"
        write_json(path, {**json.loads(path.read_text()), "num_epochs": "9"})
    told = []
    summary = compare("901", "2d", output=tmp_path / "out", allow_different=True, report_difference=told.append)
    assert told == [f"num_epochs is 9 in {LLM4SEG}, but 2 in the baseline"]
    assert any("num_epochs is 9" in note for note in summary["notes"])


def test_arms_of_one_trainer_with_other_plans_can_be_told_apart(tmp_path, monkeypatch):
    names = [f"nnUNetTrainerLLM4Seg__nnUNetPlans_{model}" for model in ("LLaMA", "DeepSeek")]
    make(tmp_path, monkeypatch, {VANILLA: 2.0, names[0]: 1.0, names[1]: 1.5})
    compare("901", "2d", baseline=VANILLA, candidates=names, output=tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    plots = [
        base64.b64decode(svg).decode() for svg in re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)', page)
    ]
    for name in names:
        assert sum(name in plot for plot in plots) == 5  # intervals, folds and three curves
    table = page.partition("<h2>Labels and metrics")[2].partition("<h2>")[0]
    assert [table.count(name.replace("__", "__\u200b")) for name in names] == [12, 12]  # two labels, six metrics


def test_a_raw_image_that_cannot_be_read_leaves_a_black_background(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    for path in (fake.raw / "Dataset901_Fake" / "imagesTr").iterdir():
        path.write_bytes(b"torn")
    compare("901", "2d", output=tmp_path / "out")
    assert "Most improved" in (tmp_path / "out" / "report.html").read_text()


def test_where_every_case_leaks_a_note_says_so(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    groups = [[fake.names[i], fake.names[i + 1]] for i in range(0, 8, 2)]
    write_json(fake.raw / "Dataset901_Fake" / "groups.json", {"rule": "same hash", "groups": groups})
    summary = compare("901", "2d", output=tmp_path / "out")
    assert summary["comparisons"][0]["without_leaks"] is None
    assert any("8 of 8 cases have a near-duplicate" in note and "too few" in note for note in summary["notes"])


def test_the_commands_in_the_report_make_the_plans_and_train_every_arm(written):
    assert "\n".join(written[1]["commands"]["train"][:5]).splitlines() == [
        "# 3 times, each with its own nnUNet_results:",
        *(f"nnUNetv2_train Dataset901_Fake 2d {fold} -tr nnUNetTrainer -p nnUNetPlans" for fold in range(3)),
        "# 3 times, each with its own nnUNet_results:",
    ]
    assert written[1]["commands"]["train"][5].startswith(
        "llm4seg train Dataset901_Fake 2d 0 -tr nnUNetTrainerLLM4Seg "
    )


def test_a_copied_run_is_pointed_out(tmp_path, monkeypatch):
    fake = make(tmp_path, monkeypatch)
    shutil.copytree(fake.roots[0], tmp_path / "copy")
    summary = compare("901", "2d", runs=[tmp_path / "copy"], output=tmp_path / "out")
    assert any("exactly the same" in warning for warning in summary["warnings"])


def test_an_output_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    from nnunet_llm4seg.errors import ComparisonError

    make(tmp_path, monkeypatch)
    (tmp_path / "file").write_text("")
    with pytest.raises(ComparisonError, match="cannot be written"):
        compare("901", "2d", output=tmp_path / "file")


def test_the_command_line_ends_a_mistake_with_one_sentence_and_exit_code_2(tmp_path, monkeypatch):
    make(tmp_path, monkeypatch)
    code = "from nnunet_llm4seg.cli import main; main()"
    call = [sys.executable, "-c", code, "compare", "901", "2d", "--folds", "7"]
    result = subprocess.run(call, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("llm4seg: fold 7 is not in splits_final.json")
    assert "Traceback" not in result.stderr
