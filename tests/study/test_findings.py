"""A study's answer over data sets, arms and layers, from made-up scores; nothing is trained."""

import json
import threading
from dataclasses import replace

import made_findings
import pytest
from made_findings import CASES, DATA, FOLDS, Made

from nnunet_llm4seg.errors import StudyError
from nnunet_llm4seg.study import looks
from nnunet_llm4seg.study.answer import answer_lines
from nnunet_llm4seg.study.findings import arm_name
from nnunet_llm4seg.study.layers import effective_rank
from nnunet_llm4seg.study.locks import held
from nnunet_llm4seg.study.looks import Looks
from nnunet_llm4seg.study.trainings import list_trainings


def test_claims_hold_in_their_order(tmp_path):
    first, second = Made(tmp_path, {"frozen": 0.05}).found()["claims"]
    assert (first["these"]["verdict"], second["these"]["verdict"]) == ("better", "better")
    assert first["like_these"]["verdict"] == "better"
    assert first["level"] == pytest.approx(0.05, abs=1e-6) and first["information"] == 1
    assert all(found["p_holm"] >= found["p"] for found in first["datasets"].values())
    assert all(found["probability_of_false_claim"] < 0.001 for found in first["datasets"].values())


def test_behind_a_claim_that_fails_nothing_is_tested(tmp_path):
    found = Made(tmp_path, {"shuffled": -0.05}).found()
    first, second = found["claims"]
    assert first["these"]["verdict"] == "open"
    assert second["these"]["verdict"] == second["like_these"]["verdict"] == "not tested"
    assert any("not tested, because a claim before it does not hold" in line for line in answer_lines(found))


def test_an_early_look_is_recorded_and_the_later_one_has_less(tmp_path):
    made = Made(tmp_path, {"frozen": 0.05})
    early = made.found(runs=2)["claims"][0]
    again = made.found(runs=2)["claims"][0]
    assert early["information"] == pytest.approx(2 / 3) and early["level"] == again["level"] < 0.02
    last = made.found()
    assert 0.03 < last["claims"][0]["level"] < 0.05
    kept = json.loads((tmp_path / "s" / "looks.json").read_text())
    assert [look["verdict"] for look in kept["frozen > vanilla"]] == ["better", "better"]
    sentence = answer_lines(last)[2]
    assert sentence.startswith("1. **frozen > vanilla** on average over these 3 data sets: holds. +")
    assert "(last look, number 2: 100 % of the planned trainings; tested at " in sentence


@pytest.mark.parametrize(
    "look",
    [
        '"information": 0.5',
        '"information": "1", "level": 0.01',
        '"information": -1, "level": 0.01',
        '"information": 1, "level": NaN',
    ],
)
def test_damaged_looks_are_refused(look, tmp_path):
    (tmp_path / "looks.json").write_text(f'{{"a > b": [{{{look}}}]}}')
    with pytest.raises(StudyError, match=r"is damaged .* earlier looks decide what may be claimed"):
        Looks(tmp_path)


def test_a_report_waits_for_the_looks_that_another_one_takes_and_keeps_them(tmp_path):
    made = Made(tmp_path, {"frozen": 0.05})
    made.found(runs=2)
    path = tmp_path / "s" / "looks.json"
    other = [{"when": "now", "information": 0.8, "level": 0.02, "verdict": "open"}]
    second = threading.Thread(target=made.found)
    with held(tmp_path / "s" / ".looks.lock"):
        second.start()
        second.join(1.0)
        assert second.is_alive()
        content = json.loads(path.read_text())
        content["frozen > vanilla"] += other
        path.write_text(json.dumps(content))
    second.join()
    kept = json.loads(path.read_text())["frozen > vanilla"]
    assert [look["information"] for look in kept] == pytest.approx([2 / 3, 0.8, 1])


def test_a_report_that_waits_too_long_for_another_one_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "_PATIENCE_S", 0.1)
    refused = pytest.raises(StudyError, match="written by another `llm4seg study report`")
    with held(tmp_path / ".looks.lock"), refused, looks.looking(tmp_path):
        raise AssertionError


def test_the_sweep_shares_one_baseline_and_marks_the_layer_that_was_named(tmp_path):
    made = Made(tmp_path, {"frozen": 0.0, "sweep_layer3": 0.03}, datasets=1)
    model = f"{arm_name(made.study, made.study.arms[-1])}__2d"
    folder = tmp_path / "s" / "results" / "run_1" / DATA[0].name / model / "fold_0" / "analysis"
    folder.mkdir(parents=True)
    (folder / "analysis.csv").write_text("case,place,effective_rank\na,before,2\na,after,7.5\nb,after,nan\n")
    (sweep,) = made.found()["sweeps"]
    assert [(row["layer"], row["named"]) for row in sweep["layers"]] == [(1, True), (2, False), (3, False)]
    assert [row["effective_rank"] for row in sweep["layers"]] == [None, None, 7.5]
    assert sweep["chosen"] == "sweep_layer3" and sweep["layers"][2]["verdict"] == "better"
    assert sweep["cross_fitted_gain"] == pytest.approx(sweep["layers"][2]["gain"])
    row = sweep["layers"][0]
    assert row["band"][0] < row["interval"][0] and row["band"][1] > row["interval"][1]


def test_per_case_scores_and_ranks_of_all_arms(tmp_path):
    found = Made(tmp_path, {"frozen": 0.05}, datasets=1).found()
    name = "Dataset001_X_2d_against_vanilla"
    assert found["ranks"][name]["frozen"]["first"] == 1
    lines = (tmp_path / "s" / "report" / f"per_case_{name}.csv").read_text().splitlines()
    assert lines[0] == "case,vanilla,frozen,sweep_layer2,sweep_layer3" and len(lines) == 1 + 4 * CASES
    assert "on this data set: holds." in answer_lines(found)[2]


def test_leaked_cases_are_omitted_and_counted(tmp_path):
    found = Made(tmp_path, {"frozen": 0.05}, datasets=1, leaked={"c0_0", "c1_3"}).found()
    assert found["leaked"]["Dataset001_X_2d_against_vanilla"] == 2
    assert any("2 cases with a near-duplicate or the same patient" in line for line in answer_lines(found))


def test_one_fold_with_one_run_has_no_interval(tmp_path, monkeypatch):
    monkeypatch.setattr(made_findings, "FOLDS", FOLDS[:1])
    made = Made(tmp_path, {"frozen": 0.05}, datasets=0)
    made.data = [replace(DATA[0], folds=FOLDS)]
    made.trainings = list_trainings(made.study, made.data)
    found = made.found(runs=1)
    assert found["claims"][0]["these"]["verdict"] == "none"
    line = answer_lines(found)[2]
    assert "on this data set: cannot be tested: there is no interval. +" in line and "[–, –], p unknown" in line


def test_one_run_claims_nothing(tmp_path):
    found = Made(tmp_path, {"frozen": 0.05}, datasets=1).found(runs=1)
    assert found["claims"][0]["these"]["verdict"] in ("ahead", "open")
    assert found["claims"][1]["these"]["verdict"] == "not tested"


def test_a_damaged_analysis_is_refused_by_its_name(tmp_path):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "analysis.csv").write_text("place,effective_rank\nafter,many\n")
    with pytest.raises(StudyError, match=r"analysis\.csv cannot be read .* run `llm4seg analyze` again"):
        effective_rank([tmp_path])
